"""Leaves a file of mode 000 in a directory of mode 000, in its own directory: removing it takes rights, or a chmod."""
# expect: passed
import os

os.makedirs("locked/inner")
for path in ("locked/inner/file", "locked/file"):
    open(path, "w").close()
    os.chmod(path, 0)
os.chmod("locked/inner", 0)
os.chmod("locked", 0)
