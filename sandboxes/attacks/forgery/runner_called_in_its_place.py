"""Rewrites what its caller calls after a failure into running the caller's own code again, from the same depth.

Its functions are rewritten to do nothing, so that the second run reaches the announcement with a program that ends well.
"""
# expect: early_exit | killed | failed/other
# stage: 2
import gc
import types

TEXT = """
def outer({names}):
    def inner(*given):
        {names}
        return AGAIN() if given else PROGRAM
    return inner
"""


def behind(things, depth):
    for thing in things:
        if isinstance(thing, types.FunctionType):
            yield thing
        elif depth and not isinstance(thing, (types.ModuleType, dict, type)):
            yield from behind(gc.get_referents(thing), depth - 1)


codes = [one.__code__ for one in gc.get_objects() if isinstance(one, types.FunctionType)]
for runner in codes:
    if runner.co_filename != "<apigauge>":
        continue
    for function in list(behind(runner.co_consts, 3)):
        space = {}
        exec(TEXT.format(names=", ".join(function.__code__.co_freevars) or "given"), space)
        code = next(value for value in space["outer"].__code__.co_consts if isinstance(value, types.CodeType))
        again = types.FunctionType(runner, {})
        function.__globals__.update(AGAIN=again, PROGRAM=compile("pass", "fine", "exec"))
        try:
            function.__code__ = code
        except ValueError:
            pass
raise SystemExit(3)
