"""Leaves 3,000 directories with a file each: many small things to remove."""
# expect: passed | failed/other
import os

for number in range(3_000):
    os.mkdir(f"d{number}")
    open(f"d{number}/file", "w").close()
