"""Makes a named pipe, which is an ordinary file, and tries a device by the same system call."""
# expect: passed
# where: docker process
import os
import stat

os.mkfifo("pipe")
assert stat.S_ISFIFO(os.stat("pipe").st_mode)
for kind in (stat.S_IFBLK, stat.S_IFCHR):
    try:
        os.mknod("device", kind | 0o600, os.makedev(1, 5))
    except OSError:
        continue
    raise AssertionError("made a device")
