"""Interrupts itself: KeyboardInterrupt is no Exception, and whoever runs the sandbox must not take it for Ctrl-C."""
# expect: failed/other | killed | early_exit
import os
import signal
import time

os.kill(os.getpid(), signal.SIGINT)
time.sleep(1)
