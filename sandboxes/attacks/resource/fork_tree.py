"""Every process forks twice and ends, so that no process has many children and most have lost their parent.

Killing the children of the program, or its process group, leaves the rest of the tree alive.
"""
# expect: process_limit | timeout
import os
import time

end = time.monotonic() + 8
first = os.getpid()
for _ in range(10):
    try:
        for _ in range(2):
            if os.fork() == 0:
                os.setsid()
                break
        else:
            if os.getpid() != first:
                time.sleep(max(0.0, end - time.monotonic()))
                os._exit(0)
            break
    except OSError:
        time.sleep(max(0.0, end - time.monotonic()))
        os._exit(0)
if os.getpid() != first:
    time.sleep(max(0.0, end - time.monotonic()))
    os._exit(0)
time.sleep(1)
for _ in range(200):
    if os.fork() == 0:
        time.sleep(5)
        os._exit(0)
