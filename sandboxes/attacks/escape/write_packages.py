"""Writes to the installed packages and to the interpreter: the next program would run what it wrote."""
# expect: passed
# where: docker process
import os
import sys

for entry in {*sys.path, sys.prefix, os.path.dirname(os.path.realpath(sys.executable))}:
    if not entry or os.path.realpath(entry) == os.path.realpath(os.getcwd()):
        continue
    for folder, folders, names in os.walk(entry):
        for name in (*folders, *names[:5], ""):
            path = os.path.join(folder, name)
            if os.access(path, os.W_OK) and os.path.exists(path):
                raise AssertionError(f"escaped: {path} is writable")
        if folder.count("/") - entry.count("/") > 1:
            folders.clear()
