"""Leaves timers and queued signals for a process number that the next program may get."""
# expect: passed
import os
import signal
import time

signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGRTMIN})
for pid in (os.getpid(),):
    for _ in range(100):
        os.kill(pid, signal.SIGRTMIN)
if os.fork() == 0:
    time.sleep(20)
    os._exit(0)
signal.setitimer(signal.ITIMER_REAL, 30)
signal.setitimer(signal.ITIMER_VIRTUAL, 30)
