"""Dies of SIGSYS, as a filter on system calls would make it."""
# expect: killed
import os
import signal

os.kill(os.getpid(), signal.SIGSYS)
