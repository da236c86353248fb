"""Gives the function under test another body in a callback of the garbage collector,
which runs between a check and the call.

Checking before the call is not enough, nor is checking again after it: the fake can give the body back.
"""
# expect: failed/other
# stage: 2
# callee: json.loads
import gc
import json
import sys


def fake(*_, **__):
    return {}


original, wrapper = next(one for one in json.loads.__code__.co_consts if isinstance(one, type(json.dumps))), json.loads.__code__


def swap(phase, _):
    frame = sys._getframe(1)
    if frame.f_code is wrapper and phase == "start" and "genuine" in frame.f_locals:
        original.__code__ = fake.__code__


real = original.__code__
gc.callbacks.append(swap)
original.__code__ = real  # already refused
for threshold in range(1, 60):
    gc.collect()
    gc.set_threshold(threshold, 100_000, 100_000)
    try:
        json.loads("no JSON")
        break
    except ValueError:
        gc.set_threshold(0)
