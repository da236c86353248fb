"""The same for the functions that those use: everything in the globals of what its caller will call."""
# expect: early_exit | killed | failed/other
# stage: 2
import gc
import signal
import types

STOP, NUMBER = signal.raise_signal, signal.SIGSTOP


def stop(*_, **__):
    STOP(NUMBER)


def behind(things, depth):
    for thing in things:
        if isinstance(thing, types.FunctionType):
            yield thing
        elif depth and not isinstance(thing, (types.ModuleType, dict, type)):
            yield from behind(gc.get_referents(thing), depth - 1)


codes = [one.__code__ for one in gc.get_objects() if isinstance(one, types.FunctionType)]
for code in codes:
    if code.co_filename != "<apigauge>":
        continue
    for value in list(behind(code.co_consts, 3)):
        space = value.__globals__
        for name, helper in list(space.items()):
            if isinstance(helper, types.FunctionType):
                space[name] = stop
            elif isinstance(helper, types.ModuleType) and helper.__name__.startswith("apigauge"):
                for inner, function in list(vars(helper).items()):
                    if isinstance(function, types.FunctionType):
                        setattr(helper, inner, stop)
raise SystemExit(3)
