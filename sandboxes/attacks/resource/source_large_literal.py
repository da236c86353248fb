"""Compiles a list of 20 million numbers in the program itself."""
# expect: memory | timeout

exec("x = [" + "0," * 20_000_000 + "]")
