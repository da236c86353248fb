"""Runs its caller's code a second time (types.FunctionType): inside, everything may end well.

It finds the code among the collector's objects; the second end is announced from deeper down.
"""
# expect: early_exit | killed | failed/other | timeout | process_limit
# stage: 2
import builtins
import gc
import types

if not hasattr(builtins, "second"):
    builtins.second = True
    for one in gc.get_objects():
        if isinstance(one, types.FunctionType) and one.__code__.co_filename == "<apigauge>":
            try:
                types.FunctionType(one.__code__, one.__globals__)()
            except BaseException:
                pass
    raise SystemExit(3)
