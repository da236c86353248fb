"""Makes its API call and leaves: the call counts, the end does not."""
# expect: early_exit
# stage: 3
# callee: json.loads
import json
import os

json.loads("1")
os._exit(0)
