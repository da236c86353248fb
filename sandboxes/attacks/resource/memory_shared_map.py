"""Takes memory in one shared map that parent and child fill in turns.

Adding up the resident sizes of processes counts it twice; looking only at private memory counts it not at all.
"""
# expect: memory
import mmap
import os

area = mmap.mmap(-1, 2 << 30)
for part in range(32):
    child = os.fork() if part % 2 else 0
    if child == 0:
        for start in range(part << 26, (part + 1) << 26, mmap.PAGESIZE):
            area[start] = 1
        if part % 2:
            os._exit(0)
    else:
        _, status = os.waitpid(child, 0)
        if status:
            raise MemoryError("the child was killed")
