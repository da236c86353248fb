"""Reads and changes the files of other programs beside its own directory, and lists whose they are."""
# expect: passed
# where: docker process
import os

own = os.path.realpath(os.getcwd())
parent = os.path.dirname(own)
try:
    names = os.listdir(parent)
except OSError:
    names = [str(number) for number in range(1_000)]
for name in names:
    path = os.path.join(parent, name)
    if path == own or not os.path.isdir(path):
        continue
    if os.access(path, os.R_OK) or os.access(path, os.W_OK) or os.access(path, os.X_OK):
        raise AssertionError(f"escaped: {path} is open to it")
