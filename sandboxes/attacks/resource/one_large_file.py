"""Writes one file without end (1 GiB).

The kernel's answer is SIGXFSZ, which Python ignores, so that the write fails instead of the process.
"""
# expect: failed/other

with open("large", "wb") as file:
    for _ in range(1024):
        file.write(b"x" * (1 << 20))
