"""Forks; the child reaches the end while the program waits and then fails."""
# expect: failed/other
# stage: 2
import os
import time

if os.fork():
    time.sleep(0.3)
    raise RuntimeError("failed")
