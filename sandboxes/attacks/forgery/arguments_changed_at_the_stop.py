"""Changes the arguments in the wrapper's frame while the process is stopped, or just when it goes on."""
# expect: passed | early_exit
# functions: json.loads
# forges: right
import json
import signal
import sys


def go_on(*_):
    frame = sys._getframe()
    while frame:
        if "kwargs" in frame.f_locals:
            frame.f_locals["kwargs"]["s"] = '"wrong"'
        frame = frame.f_back


signal.signal(signal.SIGCONT, go_on)
if json.loads(s='"right"') == "right":
    sys.exit(3)
