"""A number of a million digits: turning it into an integer takes quadratic time before the program has begun."""
# expect: failed/syntax | timeout
# builds: program

program = "x = " + "9" * 1_000_000 + "\n"
