"""Has a library make the API call for its own purposes (json.load calls json.loads); the program itself never does."""
# expect: passed
# stage: 2
# callee: json.loads
import io
import json

json.load(io.StringIO("1"))
