"""Writes a call into every shared page that it can find, as if the observer had reported it."""
# expect: passed | failed/other
# functions: json.loads
# forges: right
import gc
import json
import mmap

call = {"function": "json.loads", "positional": ["'right'"], "keywords": {}}
body = json.dumps({"stage": 4, "calls": [call], "recorded": [call]}).encode()
for thing in gc.get_objects():
    for page in (thing, *gc.get_referents(thing)):
        if isinstance(page, mmap.mmap) and len(page) > len(body) + 4:
            page[4 : 4 + len(body)] = body
            page[:4] = len(body).to_bytes(4, "big")
