"""Floods standard error, up to 1 GiB; a limit on standard output alone would not notice."""
# expect: output_limit
import os

for _ in range(16_384):
    os.write(2, b"x" * 65_536)
