"""Watches all files of a file system (fanotify)."""
# expect: failed/other
# where: docker
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 300, "aarch64": 262}[os.uname().machine]
if libc.syscall(number, 0, 0) != -1:
    raise AssertionError("escaped: fanotify_init was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: fanotify_init was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
