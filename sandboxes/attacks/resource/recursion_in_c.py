"""repr() of a list a million levels deep after raising the limit: the C stack overflows and the process dies.

A death by SIGSEGV is the program's verdict, never trouble of our own.
"""
# expect: killed | failed/other | memory
import sys

sys.setrecursionlimit(2**31 - 1)
nested = []
for _ in range(1_000_000):
    nested = [nested]
repr(nested)
