"""Traces its callers' frames and, once an exception is there, jumps to every later line: the one that announces the end.

The debugger's way (f_trace, f_lineno) needs no function of the runner to be replaced.
"""
# expect: early_exit | killed
# stage: 2
import sys


def tracer(frame, event, argument):
    if frame in callers:
        frame.f_trace_opcodes = True
        for line in sorted({line for _, _, line in frame.f_code.co_lines() if line}, reverse=True):
            try:
                frame.f_lineno = line
            except ValueError:
                continue
            break
        return tracer
    return None


callers = []
frame = sys._getframe().f_back
while frame:
    frame.f_trace, frame.f_trace_opcodes = tracer, True
    callers.append(frame)
    frame = frame.f_back
sys.settrace(tracer)
raise SystemExit(3)
