"""A program of nested lists and dictionaries, closed properly."""
# expect: failed/syntax
# stage: 0
# builds: program

program = "x = " + "[{1:" * 2_000 + "1" + "}]" * 2_000 + "\n"
