"""An elif chain of 20,000 links: flat for the reader, nested for the compiler."""
# expect: failed/syntax | failed/other | killed | passed
# builds: program

program = "x = 1\nif x == 0:\n    pass\n" + "".join(f"elif x == {n}:\n    pass\n" for n in range(2, 20_000))
