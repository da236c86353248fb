"""Raises exceptions from a timer every 0.1 ms, also in the runner after the program has failed.

An exception at the wrong place must neither skip the failure nor become trouble of our own.
"""
# expect: failed/other | early_exit | killed
# stage: 2
import signal
import time


def ring(number, frame):
    raise RuntimeError("from the handler")


signal.signal(signal.SIGALRM, ring)
signal.setitimer(signal.ITIMER_REAL, 0.01, 0.0001)
time.sleep(1)
