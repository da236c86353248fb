"""Swaps the root directory."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 155, "aarch64": 41}[os.uname().machine]
if libc.syscall(number, b"/", b"/") != -1:
    raise AssertionError("escaped: pivot_root was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: pivot_root was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
