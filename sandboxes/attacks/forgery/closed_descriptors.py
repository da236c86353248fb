"""Closes every descriptor and ends: silly but honest, and a verdict that comes by descriptor would be lost."""
# expect: passed
import os

os.closerange(0, 256)
