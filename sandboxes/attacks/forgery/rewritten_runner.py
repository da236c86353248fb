"""Rewrites in place (`__code__`) the functions that its caller will call when it has failed, so that they stop it.

Whoever holds a Python function holds the rewritten one: that it is a constant of a code object, or behind something
made of C, is no protection. Nor does the interpreter use the C stack for calls between Python functions.
"""
# expect: early_exit | killed | failed/other
# stage: 2
import gc
import signal
import types

TEXT = """
def outer({names}):
    def inner(*_, **__):
        {names}
        STOP(NUMBER)
    return inner
"""


def rewrite(function):
    space = {}
    exec(TEXT.format(names=", ".join(function.__code__.co_freevars) or "_"), space)
    code = next(value for value in space["outer"].__code__.co_consts if isinstance(value, types.CodeType))
    function.__globals__.update(STOP=signal.raise_signal, NUMBER=signal.SIGSTOP)
    function.__code__ = code


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
    for function in list(behind(code.co_consts, 3)):
        try:
            rewrite(function)
        except (TypeError, ValueError):
            pass
raise SystemExit(3)
