"""Stops itself, as if it stood behind its tests.

A fix could count the stops.
"""
# expect: passed
# tests: answer(); assert False
import signal


def answer():
    signal.raise_signal(signal.SIGSTOP)
    signal.raise_signal(signal.SIGSTOP)
