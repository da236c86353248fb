"""Has a library make the call to be recorded (json.load calls json.loads), directly and in a thread of the library."""
# expect: passed
# functions: json.loads
# forges: right
import io
import json
from concurrent.futures import ThreadPoolExecutor

assert json.load(io.StringIO('"right"')) == "right"
with ThreadPoolExecutor() as pool:
    assert pool.submit(json.load, io.StringIO('"right"')).result() == "right"
