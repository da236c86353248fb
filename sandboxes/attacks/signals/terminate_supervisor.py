"""Sends the process that started it every signal that ends a process."""
# expect: passed
# where: docker process
import os
import signal

for number in sorted(signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP, signal.SIGCHLD, signal.SIGCONT}):
    try:
        os.kill(os.getppid(), number)
    except PermissionError:
        pass
