"""Constants that the compiler could compute beforehand: 2 ** 65,536 in a chain, a string times a billion."""
# expect: passed | memory
# builds: program

program = "def never():\n    return (2 ** 65536) ** 65536, 'x' * 10**9, (1,) * 10**9, 1 << 10**9\n"
