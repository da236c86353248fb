"""Looks for a cgroup file it may write: the release agent runs on the host, cgroup.procs leaves the limits behind."""
# expect: passed
# where: docker process
import os

for folder, folders, names in os.walk("/sys/fs/cgroup"):
    for name in (*names, *folders, ""):
        path = os.path.join(folder, name)
        if os.access(path, os.W_OK):
            raise AssertionError(f"escaped: {path} is writable")
    if folder.count("/") > 7:
        folders.clear()
