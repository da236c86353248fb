"""Holds its API call in a text and in a comment."""
# expect: passed
# stage: 2
# callee: json.loads
import json  # json.loads("1")

print("json.loads('1')")
