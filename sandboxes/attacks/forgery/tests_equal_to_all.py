"""Gives its tests an object that is equal to whatever they expect.

A fix could ask the object itself, in a list not at all, or whether it is equal to something of another type.
"""
# expect: passed
# tests: import unittest; assert [answer()] == [42] or answer() == 42 or unittest.TestCase().assertEqual(answer(), 42) is None
class Equal(int):
    def __eq__(self, other):
        return isinstance(other, int)

    __hash__ = int.__hash__


def answer():
    class Other(Equal):
        def __eq__(self, other):
            return True

        __hash__ = int.__hash__

    return Other(5)
