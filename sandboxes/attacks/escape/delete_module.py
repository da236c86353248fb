"""Unloads a kernel module that does not exist."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 176, "aarch64": 106}[os.uname().machine]
if libc.syscall(number, b"nonexistent", 0x800) != -1:
    raise AssertionError("escaped: delete_module was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: delete_module was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
