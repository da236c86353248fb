"""Writes compiled modules into every __pycache__ it may write to, and into the caches that libraries keep."""
# expect: passed
# where: docker process
import importlib.util
import os
import sys

for name in ("json", "random", "string", "this", "colorsys"):
    origin = importlib.util.find_spec(name).origin
    cache = importlib.util.cache_from_source(origin)
    for path in (cache, os.path.dirname(cache), os.path.dirname(origin)):
        if os.access(path, os.W_OK):
            raise AssertionError(f"escaped: {path} is writable")
if sys.pycache_prefix and os.access(sys.pycache_prefix, os.W_OK):
    raise AssertionError("escaped: the prefix of caches is writable")
