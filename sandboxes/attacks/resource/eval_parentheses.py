"""eval() of 100,000 parentheses, while the program runs: a SyntaxError of its run, not of its text."""
# expect: failed/syntax | failed/other | memory

eval("(" * 10**5)
