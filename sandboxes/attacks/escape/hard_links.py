"""Links files of root into its own directory, so that whoever changes owner or mode of what is there changes those."""
# expect: passed
# where: docker process
import os

for path in ("/etc/passwd", "/etc/shadow", "/bin/su", "/usr/bin/passwd", "/proc/1/environ", "/proc/sys/kernel/core_pattern"):
    for flags in ({}, {"follow_symlinks": False}):
        try:
            os.link(path, "link", **flags)
        except OSError:
            continue
        raise AssertionError(f"escaped: linked {path}")
