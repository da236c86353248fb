"""Gives the function of a bound method another body."""
# expect: failed/other
# stage: 2
# callee: random.choice
import random

random.choice.__func__.__code__ = (lambda self, seq: "made up").__code__
random.choice(object())
