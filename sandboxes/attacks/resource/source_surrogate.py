"""A lone surrogate in the program: it has no UTF-8 form, so it can neither be compiled nor sent as it is."""
# expect: failed/syntax
# stage: 0
# builds: program

program = "x = '\ud800'\n"
