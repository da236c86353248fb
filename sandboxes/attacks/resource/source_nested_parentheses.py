"""A program of nested parentheses: parsing it in our own process, outside the sandbox, would be a way to crash us."""
# expect: failed/syntax
# stage: 0
# builds: program

program = "x = " + "(" * 5_000 + "1" + ")" * 5_000 + "\n"
