"""Keeps touching four times its memory, so that a system with swap would start to thrash.

A memory limit without one on swap lets this program slow down everything else instead of ending it.
"""
# expect: memory
import mmap
import time

area = mmap.mmap(-1, 2 << 30)
end = time.monotonic() + 50
while time.monotonic() < end:
    for start in range(0, len(area), mmap.PAGESIZE):
        area[start] = 1
