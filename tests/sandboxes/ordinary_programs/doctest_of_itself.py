# callee: doctest.testmod
"""Doubles numbers.

>>> double(4)
8
>>> double("ab")
'abab'
"""
import doctest
import sys


def double(value):
    """Twice the value.

    >>> double(2.5)
    5.0
    >>> double(None)
    Traceback (most recent call last):
        ...
    TypeError: unsupported operand type(s) for *: 'NoneType' and 'int'
    >>> double(3)
    7
    """
    return value * 2


print(doctest.testmod(verbose=False))
print(doctest.DocTestFinder().find(double)[0].lineno, __doc__.splitlines()[0])
print(sys.modules["__main__"].double is double)
