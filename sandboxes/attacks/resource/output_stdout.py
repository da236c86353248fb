"""Floods standard output, up to 1 GiB."""
# expect: output_limit
import os

for _ in range(16_384):
    os.write(1, b"x" * 65_536)
