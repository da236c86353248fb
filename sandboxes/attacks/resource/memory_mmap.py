"""Takes memory with anonymous maps, past Python's own allocator.

A limit on the heap (RLIMIT_DATA, a patched allocator) does not see it on every kernel.
"""
# expect: memory
import mmap

maps = []
for _ in range(64):
    area = mmap.mmap(-1, 64 << 20)
    for start in range(0, len(area), mmap.PAGESIZE):
        area[start] = 1
    maps.append(area)
