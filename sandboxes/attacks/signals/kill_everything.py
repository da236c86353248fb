"""Kills every process it may (kill -1)."""
# expect: passed | failed/other
# where: docker process
import os
import signal

try:
    os.kill(-1, signal.SIGKILL)
except ProcessLookupError:
    pass
