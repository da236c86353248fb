"""Leaves its tests to a copy of the process, and ends.

A fix could take the stop of any process for that of the program.
"""
# expect: passed
# tests: answer(); assert total == 6
import os

total = 5


def answer():
    global total
    if os.fork() == 0:
        total = 6
    else:
        os._exit(0)
