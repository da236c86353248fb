"""Leaves directories in directories with the longest names there are: each path is too long after sixteen of them.

A fix could remove by path, and so begin again for each level.
"""
# expect: passed | failed/other
import os

for number in range(500):
    os.mkdir(f"{number:0255}")
for _ in range(1_000):
    os.mkdir("d" * 255)
    os.chdir("d" * 255)
