"""Stops itself in the middle. A stopped process uses no time and waits for nobody."""
# expect: killed
import os
import signal

os.kill(os.getpid(), signal.SIGSTOP)
print("went on")
