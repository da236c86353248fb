"""Runs its caller's code a second time (types.FunctionType): inside, everything may end well.

It uses what is in the frame (its code, globals and arguments); the second end is announced from deeper down.
"""
# expect: early_exit | killed | failed/other | timeout | process_limit
# stage: 2
import builtins
import sys
import types

if not hasattr(builtins, "second"):
    builtins.second = True
    frame = sys._getframe().f_back
    while frame:
        values = list(frame.f_locals.values())[: frame.f_code.co_argcount]
        try:
            types.FunctionType(frame.f_code, frame.f_globals)(*values)
        except BaseException:
            pass
        frame = frame.f_back
    raise SystemExit
