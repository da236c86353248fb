"""Terminates itself."""
# expect: killed
import os
import signal

os.kill(os.getpid(), signal.SIGTERM)
