"""Rewrites the functions of the standard library that clean up, join threads and suppress errors, and leaves."""
# expect: early_exit | killed | failed/other | timeout
# stage: 2
import contextlib
import linecache
import signal
import threading
import traceback
import types

STOP, NUMBER = signal.raise_signal, signal.SIGSTOP


def stop(*_, **__):
    STOP(NUMBER)


for module in (contextlib, linecache, threading, traceback):
    for holder in (module, *(value for value in vars(module).values() if isinstance(value, type))):
        for function in list(vars(holder).values()):
            if isinstance(function, types.FunctionType) and not function.__code__.co_freevars:
                function.__globals__.update(STOP=STOP, NUMBER=NUMBER)
                function.__code__ = stop.__code__
raise SystemExit(3)
