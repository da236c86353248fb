"""Lets a child make the API call: the program itself never got a value."""
# expect: passed
# stage: 2
# callee: json.loads
import json
import os

if os.fork() == 0:
    json.loads("1")
    os._exit(0)
os.wait()
