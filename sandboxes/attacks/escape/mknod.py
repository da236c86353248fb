"""Makes a device node for the first disk."""
# expect: failed/other
# where: docker process
import os
import stat

os.mknod("disk", stat.S_IFBLK | 0o600, os.makedev(8, 0))
os.open("disk", os.O_RDONLY)
raise AssertionError("escaped: made a disk")
