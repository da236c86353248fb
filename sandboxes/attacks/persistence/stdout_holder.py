"""Leaves a child that keeps the output streams open: a reader that waits for their end waits for 30 seconds."""
# expect: passed
import os
import time

if os.fork() == 0:
    os.setsid()
    time.sleep(30)
    os._exit(0)
