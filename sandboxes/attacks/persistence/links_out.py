"""Leaves links to other places: cleaning that follows links, or changes modes through them, damages those.

The targets are only ones that a sandbox can lose: its own folders.
"""
# expect: passed
# where: docker process
import os

for number, target in enumerate(("/tmp", "/box", "/dev/shm", "..", "/proc/self/root", "/dev/null", "loop", "/etc/passwd")):
    os.symlink(target, f"link{number}")
    os.symlink(target, f"/tmp/link{number}")
os.symlink("loop", "loop")
