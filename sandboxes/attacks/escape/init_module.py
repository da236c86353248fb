"""Loads a kernel module of no bytes."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 175, "aarch64": 105}[os.uname().machine]
if libc.syscall(number, None, 0, b"") != -1:
    raise AssertionError("escaped: init_module was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: init_module was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
