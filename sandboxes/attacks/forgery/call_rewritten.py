"""Rewrites the API's own function in place (`__code__`), so that the real object does nothing, and calls it.

Watching which object is called does not notice: it is the right one.
"""
# expect: failed/other
# stage: 2
# callee: json.loads
import json


def fake(*_, **__):
    return {}


original = next(one for one in json.loads.__code__.co_consts if isinstance(one, type(json.dumps)))
original.__code__ = fake.__code__
original.__kwdefaults__ = None
json.loads("no JSON")
