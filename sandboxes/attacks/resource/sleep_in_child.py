"""Waits for a child that sleeps; killing the parent alone leaves the child with the output streams open."""
# expect: timeout
import os
import time

if os.fork() == 0:
    time.sleep(45)
    os._exit(0)
os.wait()
