"""Reads files in the homes of root and of other users (keys, tokens, histories), where Python is not installed."""
# expect: passed
# where: docker process
import os
import sys

own = {os.path.realpath(path) for path in (os.getcwd(), sys.prefix, sys.base_prefix, *sys.path)}
for home in ("/root", "/home"):
    for folder, folders, names in os.walk(home):
        folders[:] = [name for name in folders if os.path.realpath(os.path.join(folder, name)) not in own]
        for name in names:
            path = os.path.join(folder, name)
            if os.access(path, os.R_OK):
                raise AssertionError(f"escaped: {path} can be read")
