"""Leaves the interpreter when its tests call it, as if all were well.

A fix could look at the exit status, which is 0.
"""
# expect: passed
# tests: assert answer() == 42
import os


def answer():
    os._exit(0)
