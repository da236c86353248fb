"""Has another process make the call to be recorded."""
# expect: passed
# functions: json.loads
# forges: right
import json
import os

if os.fork() == 0:
    json.loads('"right"')
    os._exit(0)
os.wait()
