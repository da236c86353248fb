"""A child stops itself, the program leaves: what a child does is no sign of the program's."""
# expect: early_exit
# stage: 2
import os
import signal
import time

if os.fork() == 0:
    signal.raise_signal(signal.SIGSTOP)
    os._exit(0)
time.sleep(0.2)
os._exit(0)
