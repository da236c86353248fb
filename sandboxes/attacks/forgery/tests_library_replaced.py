"""Replaces the functions with which tests compare, in a module that the tests import.

A fix could import the module anew for the tests and keep what the module had imported before.
"""
# expect: passed
# tests: import math; assert math.isclose(total, 6)
import math
import sys

math.isclose = lambda *values, **tolerances: True
fake = type(math)("math")
fake.isclose = math.isclose
sys.modules["math"] = fake
total = 5
