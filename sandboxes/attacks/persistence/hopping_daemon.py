"""Leaves a process that forks and ends a thousand times a second: killing it by number always comes too late.

One call that reaches all at once (kill -1 in its own PID namespace, a frozen or killed control group) does not.
"""
# expect: passed
import os
import time

end = time.monotonic() + 8
if os.fork() == 0:
    while time.monotonic() < end:
        if os.fork():
            os._exit(0)
    os._exit(0)
