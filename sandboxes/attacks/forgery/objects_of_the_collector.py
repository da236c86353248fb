"""Takes the runner's objects from the garbage collector (reports, pages, pipes) and writes success to all of them."""
# expect: early_exit | failed/other
# stage: 2
import gc
import json
import mmap
import os

body = json.dumps({"status": "passed", "stage": 4, "category": None, "ended": True, "called": True}).encode()
for thing in gc.get_objects():
    if isinstance(thing, mmap.mmap):
        try:
            thing[: 4 + len(body)] = len(body).to_bytes(4, "big") + body
        except (ValueError, TypeError, IndexError):
            pass
    elif isinstance(thing, dict) and type(thing.get("stage")) is int:
        thing.update(status="passed", stage=4)
os._exit(0)
