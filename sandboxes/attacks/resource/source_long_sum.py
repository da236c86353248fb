"""A sum of 100,000 terms parses, and its tree is 100,000 levels deep: the compiler recurses (RecursionError)."""
# expect: failed/syntax | failed/other | killed
# builds: program

program = "one = 1\nx = " + "+".join(["one"] * 100_000) + "\n"
