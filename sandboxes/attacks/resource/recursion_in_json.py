"""A JSON text a million levels deep, for the C scanner, after raising the limit."""
# expect: killed | failed/other | memory
import json
import sys

sys.setrecursionlimit(2**31 - 1)
json.loads("[" * 1_000_000)
