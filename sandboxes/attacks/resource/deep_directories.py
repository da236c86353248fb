"""Nests 3,000 directories: the path is longer than any system call takes, and a recursive removal runs out of stack.

`shutil.rmtree` recurses for each level up to Python 3.12; `os.fwalk` keeps a descriptor open for each.
"""
# expect: passed
import os

for _ in range(3_000):
    os.mkdir("d" * 40)
    os.chdir("d" * 40)
