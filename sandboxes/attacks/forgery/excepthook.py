"""Fails, with hooks that swallow every exception."""
# expect: failed/other
# stage: 2
import sys
import threading

sys.excepthook = sys.unraisablehook = threading.excepthook = lambda *_: None
sys.tracebacklimit = 0
raise RuntimeError("failed")
