"""Fails, but registers functions for the end that leave with status 0."""
# expect: failed/other
# stage: 2
import atexit
import os
import threading

atexit.register(os._exit, 0)
threading._register_atexit(os._exit, 0)
raise RuntimeError("failed")
