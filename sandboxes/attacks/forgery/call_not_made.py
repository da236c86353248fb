"""Ends normally without having made its API call."""
# expect: passed
# stage: 2
# callee: json.loads
import json

print("json.loads('1') returned 1", json)
