"""Looks for descriptors it was not meant to have: a directory of the host among them is a way out of every root."""
# expect: passed
import os

for descriptor in range(3, 1024):
    try:
        target = os.readlink(f"/proc/self/fd/{descriptor}")
    except OSError:
        continue
    raise AssertionError(f"escaped: descriptor {descriptor} is {target}")
for descriptor in range(3):
    target = os.readlink(f"/proc/self/fd/{descriptor}")
    if not target.startswith(("pipe:", "socket:", "/dev/null", "/memfd:")):
        raise AssertionError(f"escaped: descriptor {descriptor} is {target}")
