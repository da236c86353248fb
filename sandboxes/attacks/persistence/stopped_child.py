"""Leaves a child that has stopped itself: it takes no signal but SIGKILL and SIGCONT."""
# expect: passed
import os
import signal
import time

if os.fork() == 0:
    os.kill(os.getpid(), signal.SIGSTOP)
    os._exit(0)
time.sleep(0.1)
