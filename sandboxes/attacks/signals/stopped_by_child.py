"""A child stops its parent while that waits, and ends."""
# expect: killed
import os
import signal
import time

if os.fork() == 0:
    time.sleep(0.2)
    os.kill(os.getppid(), signal.SIGSTOP)
    os._exit(0)
time.sleep(2)
