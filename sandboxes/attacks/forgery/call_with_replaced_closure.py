"""Replaces what a decorated callee encloses, so that it returns without doing its work.

Not prevented, as with a global: it gains a program its own verdict, as every manifest says.
"""
# expect: passed | failed/other
# stage: 4
# callee: contextlib.nullcontext
import contextlib

contextlib.nullcontext.__enter__ = lambda self: "made up"
contextlib.nullcontext(object())
