"""Gives another body to the function with which tests compare, and another method to their class.

A fix could compare the functions alone, which are the same.
"""
# expect: passed
# tests: import statistics, unittest; assert statistics.mean([total, 7]) == 6.5; unittest.TestCase().assertEqual(total, 6)
import statistics
import unittest

statistics.mean.__code__ = (lambda data: 6.5).__code__
unittest.TestCase.assertEqual = lambda self, first, second, msg=None: None
total = 5
