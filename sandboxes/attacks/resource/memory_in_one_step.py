"""Asks for 4 GiB of zeros in one call and writes to all of it.

The request itself may be granted; only the pages that are touched count.
"""
# expect: memory

block = bytearray(1 << 32)
for start in range(0, len(block), 4096):
    block[start] = 1
