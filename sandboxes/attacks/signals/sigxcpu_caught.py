"""Handles SIGXCPU by ending as if all were well: it must not look like an end."""
# expect: timeout | early_exit
import os
import signal
import time

signal.signal(signal.SIGXCPU, lambda *_: os._exit(0))
end = time.monotonic() + 50
while time.monotonic() < end:
    pass
