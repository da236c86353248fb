"""Floods the process that started it with SIGCHLD and queued signals, as if children had changed."""
# expect: passed
# where: docker process
import os
import signal

for _ in range(20_000):
    try:
        os.kill(os.getppid(), signal.SIGCHLD)
    except PermissionError:
        break
