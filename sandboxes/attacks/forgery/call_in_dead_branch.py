"""Holds its API call in a branch that is never taken, and in a function that is never called."""
# expect: passed
# stage: 2
# callee: json.loads
import json

if len("x") == 2:
    json.loads("1")


def never():
    return json.loads("1")
