"""Forks until refused, at most 2,000 times and for at most ten seconds.

RLIMIT_NPROC counts a user's processes on the whole machine and not at all for root.
"""
# expect: process_limit
import os
import time

end = time.monotonic() + 10
for _ in range(2_000):
    if time.monotonic() > end:
        break
    if os.fork() == 0:
        time.sleep(10)
        os._exit(0)
