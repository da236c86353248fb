"""Reads files in the homes of root and of other users: keys, tokens, histories."""
# expect: passed
# where: docker process
import os

own = os.path.realpath(os.getcwd())
for home in ("/root", "/home"):
    for folder, _, names in os.walk(home):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.realpath(path).startswith(own) and os.access(path, os.R_OK):
                raise AssertionError(f"escaped: {path} can be read")
