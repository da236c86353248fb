"""Replaces sys.stdout by an object whose flush stops the process, and leaves.

Whoever reports the failure may flush the output, in Python, from the depth at which the end is announced: the interpreter
does not use the C stack for calls between Python functions.
"""
# expect: early_exit | killed
# stage: 2
import signal
import sys


class Stream:
    def flush(self):
        signal.raise_signal(signal.SIGSTOP)

    def write(self, text):
        signal.raise_signal(signal.SIGSTOP)


sys.stdout = sys.stderr = Stream()
raise SystemExit(3)
