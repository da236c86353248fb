"""Gives the callee other keyword defaults, in place and as a whole, so that it returns without doing its work.

A fix could refuse to set them, but not a change within their dictionary.
"""
# expect: failed/other | passed
# stage: 2
# callee: json.dumps
import json

for name in json.dumps.__kwdefaults__:
    json.dumps.__kwdefaults__[name] = False
json.dumps.__kwdefaults__["cls"] = type("Fake", (), {"__init__": lambda *_, **__: None, "encode": lambda *_: "x"})
json.dumps.__kwdefaults__ = dict(json.dumps.__kwdefaults__)
json.dumps(object())
