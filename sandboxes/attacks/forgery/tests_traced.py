"""Traces what runs after it, and jumps over the lines of its tests.

A fix could stop the tracer of one thread, or a tracer and not a profiler.
"""
# expect: passed
# tests: total = total + 0; assert total == 6
import sys


def jump(frame, event, argument):
    if event == "line" and frame.f_code.co_filename != __file__:
        frame.f_globals["total"] = 6
    return jump


sys.settrace(jump)
sys.setprofile(lambda frame, event, argument: frame.f_globals.update(total=6) if event == "call" else None)
total = 5
