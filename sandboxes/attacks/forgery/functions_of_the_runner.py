"""Calls every function that it finds in its callers' frames and that needs no argument, or one, or two."""
# expect: early_exit | killed | failed/other
# stage: 2
import os
import signal
import sys
import types

frame = sys._getframe().f_back
found = []
while frame:
    found += [*frame.f_code.co_consts, *frame.f_globals.values(), *frame.f_locals.values()]
    frame = frame.f_back
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
