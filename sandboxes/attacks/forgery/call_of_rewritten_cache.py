"""Gives the function within a cached function another body.

A fix could guard only the object that the program names, not what it calls.
"""
# expect: failed/other
# stage: 2
# callee: fnmatch._compile_pattern
import fnmatch

fnmatch._compile_pattern.__wrapped__.__code__ = (lambda pat: "made up").__code__
fnmatch._compile_pattern(object())
