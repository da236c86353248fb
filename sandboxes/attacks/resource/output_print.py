"""Prints short lines without end (50 million), through Python's buffers."""
# expect: output_limit

for number in range(50_000_000):
    print(number)
