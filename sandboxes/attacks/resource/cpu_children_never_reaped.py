"""Computes in short-lived children that the kernel reaps itself, so that nobody gets their CPU time.

What a look sees of each is a fraction. A fix could count only children that live for long, or take the wait of the
parent, which never computes, for that of a busy machine.
"""
# expect: timeout
import os
import signal
import time

signal.signal(signal.SIGCHLD, signal.SIG_IGN)
for _ in range(100_000):
    if os.fork() == 0:
        end = time.process_time() + 0.02
        while time.process_time() < end:
            pass
        os._exit(0)
    time.sleep(0.02)
