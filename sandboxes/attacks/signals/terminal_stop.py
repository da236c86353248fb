"""Stops itself as the terminal would (SIGTSTP, SIGTTIN, SIGTTOU)."""
# expect: killed | passed
import os
import signal

for number in (signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
    os.kill(os.getpid(), number)
