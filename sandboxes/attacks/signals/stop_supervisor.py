"""Stops the process that started it: then nobody is left to notice."""
# expect: failed/other | passed
# where: docker process
import os
import signal

os.kill(os.getppid(), signal.SIGSTOP)
