"""Puts a module of the API's name in its place before it imports it."""
# expect: passed
# stage: 2
# callee: json.loads
import sys
import types

sys.modules["json"] = types.SimpleNamespace(loads=lambda text: {})
import json

json.loads("no JSON")
