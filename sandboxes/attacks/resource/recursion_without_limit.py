"""Recursion without end after raising the interpreter's limit: it ends in the memory, or on the C stack."""
# expect: memory | killed | timeout | failed/other
import sys


def down(level):
    return [down(level + 1)] if level < 100_000_000 else []


sys.setrecursionlimit(2**31 - 1)
down(0)
