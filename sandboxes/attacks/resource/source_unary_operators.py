"""A program with 100,000 signs before a number: no brackets, but as deep. The parser says MemoryError at 6,000 levels."""
# expect: failed/syntax | memory
# stage: 0
# builds: program

program = "x = " + "-" * 100_000 + "1\n"
