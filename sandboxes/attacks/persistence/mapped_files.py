"""Leaves mappings of removed files in a daemon, its descriptors closed."""
# expect: passed
# where: docker process
import mmap
import os
import time

with open("/dev/shm/mapped", "w+b") as file:
    file.truncate(16 << 20)
    area = mmap.mmap(file.fileno(), 16 << 20)
os.unlink("/dev/shm/mapped")
area[:] = b"x" * (16 << 20)
if os.fork() == 0:
    time.sleep(30)
    os._exit(0)
