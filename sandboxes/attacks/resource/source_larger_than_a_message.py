"""A program of 16 MB: whatever limit a message between host and sandbox has, passing it is no trouble of our own."""
# expect: timeout | memory | failed/syntax | failed/other
# builds: program

program = "x = [1, 2]\n" * 1_500_000
