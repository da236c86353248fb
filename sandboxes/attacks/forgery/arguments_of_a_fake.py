"""Passes the right arguments to a function of its own that stands in the place of the library's."""
# expect: passed
# functions: json.loads
# forges: right
import json
import types

json.loads = lambda *_, **__: {}
json.loads("right")
fake = types.ModuleType("json")
fake.loads = json.loads
fake.loads.__module__ = "json"
fake.loads("right")
