"""Renames its own directory, where the one above belongs to it too."""
# expect: passed
import os

own = os.getcwd()
try:
    os.rename(own, own + "-renamed")
except OSError:
    pass
