"""Asks to load another kernel (of no segments)."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 246, "aarch64": 104}[os.uname().machine]
if libc.syscall(number, 0, 0, None, 0) != -1:
    raise AssertionError("escaped: kexec_load was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: kexec_load was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
