"""Copies the observer's wrapper with a fake in the place of the original, and calls the copy from its own namespace."""
# expect: passed | killed
# stage: 2
# callee: json.loads
import json
import types

original = next(one for one in json.loads.__code__.co_consts if isinstance(one, type(json.dumps)))
if original:
    constants = tuple((lambda *_, **__: {}) if value is original else value for value in json.loads.__code__.co_consts)
    json.loads = types.FunctionType(json.loads.__code__.replace(co_consts=constants), {})
    json.loads("no JSON")
