"""Calls every function that it finds in its callers' frames and that needs no argument, or one, or two."""
# expect: early_exit | killed | failed/other
# stage: 2
import functools
import gc
import os
import signal
import sys
import types

found = []
for one in gc.get_objects():
    if isinstance(one, types.FunctionType) and one.__code__.co_filename == "<apigauge>":
        found += [*one.__code__.co_consts, *one.__globals__.values()]
        found += [one.func for one in found if isinstance(one, functools.partial)]
kinds = (types.FunctionType, types.MethodType, types.BuiltinFunctionType)
own = {os._exit, sys.exit}
for function in found:
    if isinstance(function, kinds) and function not in own:
        for arguments in ((), (signal.SIGSTOP,), (SystemExit(),), ("passed", 4)):
            try:
                function(*arguments)
            except BaseException:
                pass
os._exit(0)
