"""Rewrites the observer's own wrapper: its code, its closure, its defaults; the fake then returns through it."""
# expect: failed/other
# stage: 2
# callee: json.loads
import json


def fake(*_, **__):
    return {}


json.loads.__wrapped__ = fake
for cell in json.loads.__closure__ or ():
    cell.cell_contents = fake
if not json.loads.__code__.co_freevars:
    json.loads.__code__ = fake.__code__
json.loads("no JSON")
