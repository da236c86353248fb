"""A program indented 200 levels deep."""
# expect: failed/syntax
# stage: 0
# builds: program

program = "".join(" " * level + "if True:\n" for level in range(200)) + " " * 200 + "pass\n"
