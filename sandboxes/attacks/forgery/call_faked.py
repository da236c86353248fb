"""Replaces the API call by a function that returns at once, then makes it."""
# expect: passed
# stage: 2
# callee: json.loads
import json

json.loads = lambda *_, **__: {}
json.loads("no JSON")
