"""Calls unshare by its number in the x32 interface: the same call with bit 30 set, which a list of numbers misses."""
# expect: failed/other | killed
# where: docker
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
if os.uname().machine != "x86_64":
    raise OSError("no x32")
if libc.syscall(272 | 0x40000000, 0x10000000) == 0:
    raise AssertionError("escaped: has a user namespace of its own")
raise OSError(ctypes.get_errno(), "refused")
