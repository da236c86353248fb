"""Makes its API call, which raises, and hides that."""
# expect: passed
# stage: 2
# callee: json.loads
import contextlib
import json

with contextlib.suppress(ValueError):
    json.loads("no JSON")
