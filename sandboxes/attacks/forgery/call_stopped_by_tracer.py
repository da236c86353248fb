"""Stops the process from a trace function that is no Python function, while the wrapper returns.

Its frame is the wrapper's own: a supervisor content with "somewhere behind the call" would take the return for the stop.
"""
# expect: failed/other
# stage: 2
# callee: json.loads
import functools
import json
import signal
import sys


def fake(*_, **__):
    frame = sys._getframe(1)
    frame.f_trace_lines = False
    frame.f_trace = functools.partial(min, signal.SIGSTOP, key=signal.raise_signal)
    sys.settrace(lambda *_: None)
    return {}


original = next(one for one in json.loads.__code__.co_consts if isinstance(one, type(json.dumps)))
original.__code__ = fake.__code__
original.__kwdefaults__ = None
original.__globals__.update(sys=sys, functools=functools, signal=signal)
try:
    json.loads("no JSON")
except TypeError:
    pass
sys.settrace(None)
