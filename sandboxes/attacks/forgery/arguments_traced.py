"""Changes the wrapper's local variables, by a trace function, around the moment at which it has its call recorded.

Only between instructions where the call that is then made is still the other one: if what is recorded were read from a
variable, it would not be the call that is made.
"""
# expect: passed
# functions: json.loads
# forges: right
import json
import sys


def attempt(text, begin):
    count = 0

    def tracer(frame, event, _):
        nonlocal count
        if frame.f_code is not json.loads.__code__:
            return None
        frame.f_trace_opcodes = True
        if event == "opcode":
            count += 1
            frame.f_locals["args"] = (text if count >= begin else '"wrong"',)
        return tracer

    sys.settrace(tracer)
    try:
        return json.loads('"wrong"')
    finally:
        sys.settrace(None)


for begin in range(5, 65, 2):
    if attempt('"other"', begin) == "wrong":
        assert attempt('"right"', begin) == "wrong"
