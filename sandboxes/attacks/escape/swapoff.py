"""Asks to stop swapping to a file that does not exist."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 168, "aarch64": 225}[os.uname().machine]
if libc.syscall(number, b"/nonexistent") != -1:
    raise AssertionError("escaped: swapoff was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: swapoff was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
