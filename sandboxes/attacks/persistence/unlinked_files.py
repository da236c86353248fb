"""Leaves a daemon that holds 64 MiB of files without names: no listing shows them, and their space is not free."""
# expect: passed
# where: docker process
import os
import time

held = []
for number in range(4):
    file = open(f"/tmp/held{number}", "w+b")
    os.unlink(file.name)
    file.write(b"x" * (16 << 20))
    file.flush()
    held.append(file)
if os.fork() == 0:
    os.setsid()
    time.sleep(30)
    os._exit(0)
