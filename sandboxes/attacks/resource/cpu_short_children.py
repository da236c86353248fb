"""Spreads the CPU time over children of 50 ms each.

RLIMIT_CPU is for each process: no process here ever uses a second. Sampling the living misses what the dead used.
"""
# expect: timeout
import os
import time

end = time.monotonic() + 50
while time.monotonic() < end:
    child = os.fork()
    if child == 0:
        stop = time.process_time() + 0.05
        while time.process_time() < stop:
            pass
        os._exit(0)
    os.waitpid(child, 0)
