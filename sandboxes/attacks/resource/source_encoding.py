"""A program that declares an encoding that does not exist, after a byte order mark.

It means nothing for text; for bytes it is a SyntaxError.
"""
# expect: passed | failed/syntax
# builds: program

program = "\ufeff# -*- coding: no-such-encoding -*-\nx = 1\n"
