"""Kills itself. It is the same signal as the kernel's for want of memory, and as ours at the end of the time."""
# expect: killed
import os
import signal

os.kill(os.getpid(), signal.SIGKILL)
