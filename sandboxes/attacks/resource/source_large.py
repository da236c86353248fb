"""A program of 1.5 million lines: compiling it takes more than its limits, and compiling is part of running it."""
# expect: timeout | memory | failed/syntax
# builds: program

program = "x = [1, 2]\n" * 1_500_000
