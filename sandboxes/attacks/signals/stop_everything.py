"""Stops every process it may."""
# expect: passed | failed/other
# where: docker process
import os
import signal

try:
    os.kill(-1, signal.SIGSTOP)
except ProcessLookupError:
    pass
