"""Leaves in the middle; a function that threading calls at the end of a program stops the process there.

It is called by our own code where the end is announced, perhaps from the same depth.
"""
# expect: early_exit | killed
# stage: 2
import signal
import threading


def stop():
    signal.raise_signal(signal.SIGSTOP)


threading._threading_atexits.append(stop)
threading._shutdown = stop
raise SystemExit(3)
