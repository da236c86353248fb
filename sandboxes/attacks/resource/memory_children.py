"""Splits the memory over eight children, none of which is over the limit alone; the parent stays small and survives.

A limit for each process (any rlimit) allows eight times as much. What was killed is a child, not the program.
"""
# expect: memory | passed
import os
import time

children = []
for _ in range(8):
    child = os.fork()
    if child == 0:
        block = b"x" * (200 << 20)
        time.sleep(1)
        os._exit(0)
    children.append(child)
if not any([os.waitpid(child, 0)[1] for child in children]):
    raise AssertionError("escaped: 1,600 MiB in children")
