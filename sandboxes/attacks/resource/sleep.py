"""Sleeps (45 seconds): no CPU time, so that a limit on CPU time never ends it."""
# expect: timeout
import time

time.sleep(45)
