"""Forks without end but swallows every refusal, then ends as if nothing had happened.

The limit held, so the program may pass or be told; what matters is that its children do not hold up the next one.
"""
# expect: process_limit | passed
import os
import time

end = time.monotonic() + 1
while time.monotonic() < end:
    try:
        if os.fork() == 0:
            time.sleep(20)
            os._exit(0)
    except OSError:
        time.sleep(0.01)
