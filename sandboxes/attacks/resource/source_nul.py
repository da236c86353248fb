"""A NUL in the program: compile() raises ValueError instead of SyntaxError up to Python 3.11."""
# expect: failed/syntax
# stage: 0
# builds: program

program = "x = 1\n\0y = 2\n"
