"""Loads a kernel module from a descriptor that is not open."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 313, "aarch64": 273}[os.uname().machine]
if libc.syscall(number, -1, b"", 0) != -1:
    raise AssertionError("escaped: finit_module was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: finit_module was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
