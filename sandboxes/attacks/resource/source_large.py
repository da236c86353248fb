"""A program of half a million lines: compiling it takes more than its limits, and compiling is part of running it."""
# expect: timeout | memory | failed/syntax
# builds: program

program = "x = [1, 2]\n" * 500_000
