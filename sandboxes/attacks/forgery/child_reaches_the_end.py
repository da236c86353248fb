"""Forks; the program leaves, and its child goes on to the end and announces it from the right place."""
# expect: early_exit
# stage: 2
import os
import time

if os.fork():
    time.sleep(0.3)
    os._exit(0)
