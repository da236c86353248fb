"""Leaves a daemon that locks files of the interpreter, which reading them allows."""
# expect: passed
# where: docker process
import fcntl
import os
import time

files = [open(path) for path in (os.__file__, "/etc/hostname", "/etc/passwd") if os.path.exists(path)]
for file in files:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
if os.fork() == 0:
    time.sleep(30)
    os._exit(0)
