"""Copies the observer's wrapper with a fake in the place of the original, and has the copy record a call of the fake."""
# expect: passed | killed
# functions: json.loads
# forges: right
import json
import types

constants = getattr(json.loads, "__code__").co_consts
original = next(one for one in json.loads.__code__.co_consts if isinstance(one, type(json.dumps)))
if original:
    faked = tuple((lambda *_, **__: {}) if value is original else value for value in constants)
    copy = types.FunctionType(json.loads.__code__.replace(co_consts=faked), {})
    assert copy("right") == {}
