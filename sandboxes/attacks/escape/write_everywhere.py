"""Writes a file in every directory that looks writable, to the depth of four, outside its own and the shared ones."""
# expect: passed
# where: docker process
import os

allowed = {os.path.realpath(path) for path in (os.getcwd(), "/tmp", "/dev/shm", "/proc", "/sys", "/var/tmp")}
for folder, folders, _ in os.walk("/"):
    if os.path.realpath(folder) in allowed:
        folders.clear()
        continue
    if folder.count("/") > 3:
        folders.clear()
    if os.access(folder, os.W_OK):
        raise AssertionError(f"escaped: {folder} is writable")
