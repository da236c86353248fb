"""Gives the function within a decorated function another body: it is found in the closure of what the decorator made.

A fix could follow ``__wrapped__``, which a decorator need not set.
"""
# expect: failed/other
# stage: 2
# callee: ast.increment_lineno
import gc
import types

import ast

for one in gc.get_objects():
    if isinstance(one, types.FunctionType) and one.__qualname__ == "increment_lineno":
        one.__code__ = (lambda node, n=1: "made up").__code__
for holder in gc.get_referrers(ast.increment_lineno.__defaults__):
    if isinstance(holder, types.FunctionType):
        holder.__defaults__ = ()
ast.increment_lineno(object())
