"""Leaves a daemon that ignores and blocks every signal that can be."""
# expect: passed
import os
import signal
import time

if os.fork() == 0:
    for number in signal.valid_signals() - {signal.SIGKILL, signal.SIGSTOP}:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    os.setsid()
    time.sleep(30)
    os._exit(0)
time.sleep(0.1)
