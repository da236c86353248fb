"""Comparing two lists 200,000 levels deep after raising the limit: the C stack overflows and the process dies.

A death by SIGSEGV is the program's verdict, never trouble of our own.
"""
# expect: killed | failed/other | memory
import sys

sys.setrecursionlimit(2**31 - 1)
one, other = [], []
for _ in range(200_000):
    one, other = [one], [other]
one == other
