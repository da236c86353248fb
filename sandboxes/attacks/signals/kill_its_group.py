"""Kills its process group: the supervisor must not be in it."""
# expect: killed
import os
import signal

if os.getpgid(0) != os.getpid():
    raise AssertionError("escaped: shares its process group; nothing was killed")
os.killpg(0, signal.SIGKILL)
