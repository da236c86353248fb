"""Hangs up the terminal."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 153, "aarch64": 58}[os.uname().machine]
if libc.syscall(number) != -1:
    raise AssertionError("escaped: vhangup was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: vhangup was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
