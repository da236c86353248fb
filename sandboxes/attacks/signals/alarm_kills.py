"""Lets an alarm kill it: SIGALRM is not the sandbox's way of saying `timeout`, so this is no timeout."""
# expect: killed
import signal
import time

signal.setitimer(signal.ITIMER_REAL, 0.1)
time.sleep(2)
