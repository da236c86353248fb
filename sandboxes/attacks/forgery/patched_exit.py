"""Makes os._exit stop the process instead, then fails: the failure's own way out would announce the end."""
# expect: failed/other | killed | early_exit
# stage: 2
import os
import signal
import sys

os._exit = sys.exit = lambda *_: signal.raise_signal(signal.SIGSTOP)
raise RuntimeError("failed")
