"""Traces the observer's wrapper and, before it calls the original, jumps past the call."""
# expect: passed | killed
# stage: 2
# callee: json.loads
import json
import sys


def tracer(frame, event, argument):
    frame.f_trace_opcodes = True
    if frame.f_code is watched and event in ("line", "opcode"):
        for line in sorted({line for _, _, line in frame.f_code.co_lines() if line}, reverse=True):
            try:
                frame.f_lineno = line
            except ValueError:
                continue
            break
    return tracer


watched = json.loads.__code__
sys.settrace(tracer)
try:
    json.loads("no JSON")
except ValueError:
    pass
sys.settrace(None)
