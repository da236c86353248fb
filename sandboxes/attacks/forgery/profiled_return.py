"""Stops the process from a profiling function each time that its caller calls or returns, after it has left."""
# expect: early_exit | killed
# stage: 2
import signal
import sys


def profiler(frame, event, argument):
    if frame is caller:
        signal.raise_signal(signal.SIGSTOP)


caller = sys._getframe().f_back
sys.setprofile(profiler)
raise SystemExit(3)
