"""Writes a report that is none: categories that do not exist, numbers that are lists, texts with lone surrogates."""
# expect: early_exit | failed/other
# stage: 2
import gc
import json
import mmap
import os

report = {"status": "failed", "stage": [4], "category": "\ud800nonsense", "reason": ["\ud800"] * 1000, "line": {"x": 1e999}}
body = json.dumps(report).encode()
pages = [thing for thing in gc.get_objects() if isinstance(thing, mmap.mmap)]
frame_pages = [referent for thing in gc.get_objects() for referent in gc.get_referents(thing) if type(referent) is mmap.mmap]
for page in pages + frame_pages:
    page[: 4 + len(body)] = len(body).to_bytes(4, "big") + body
os._exit(70 if pages or frame_pages else 0)
