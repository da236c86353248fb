"""Fills the page on which a failure is described with garbage, a length beyond its end, deeply nested JSON."""
# expect: early_exit | failed/other
# stage: 2
import gc
import mmap
import os
import random

body = random.choice((b"\xff\xff\xff\xff" + b"\x00" * 60_000, (50_000).to_bytes(4, "big") + b"[" * 50_000))
for thing in gc.get_objects():
    for page in (thing, *gc.get_referents(thing)):
        if type(page) is mmap.mmap:
            page[: min(len(body), len(page))] = body[: len(page)]
os._exit(70)
