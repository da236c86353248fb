"""Frees the observer's code object and makes another, with a fake in it, at the same address.

An address names an object only as long as somebody keeps the object.
"""
# expect: passed | killed
# stage: 2
# callee: json.loads
import gc
import json
import types


def fake(*_, **__):
    return {}


def recycle():
    code = json.loads.__code__
    address, original = id(code), next(one for one in json.loads.__code__.co_consts if isinstance(one, type(json.dumps)))
    constants = tuple(fake if value is original else value for value in code.co_consts)
    template = code.replace()
    kept = []
    del code
    json.loads = None
    gc.collect()
    for _ in range(10_000):
        copy = template.replace(co_consts=constants)
        if id(copy) == address:
            return types.FunctionType(copy, {})
        kept.append(copy)
    return None


if json.loads:
    json.loads = recycle() or fake
    json.loads("no JSON")
