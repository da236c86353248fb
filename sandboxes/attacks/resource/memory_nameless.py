"""Fills files in memory without a name, each smaller than a file may be, and never maps them."""
# expect: memory
import os
import time

for number in range(40):
    file = os.memfd_create(str(number))
    for _ in range(48):
        os.write(file, b"x" * (1 << 20))
time.sleep(1)
