"""Kills the process that started it."""
# expect: failed/other | passed
# where: docker process
import os
import signal

os.kill(os.getppid(), signal.SIGKILL)
