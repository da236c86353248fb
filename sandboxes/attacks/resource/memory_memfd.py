"""Takes memory in files that have no name (memfd_create), up to 2 GiB.

It is in no directory, so a limit on the size of /tmp and /dev/shm does not apply and emptying them frees nothing.
"""
# expect: memory
# where: docker
import os

files = []
for number in range(64):
    files.append(os.memfd_create(f"block{number}"))
    os.write(files[-1], b"x" * (32 << 20))
