"""Turns on process accounting to a file that does not exist."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 163, "aarch64": 89}[os.uname().machine]
if libc.syscall(number, b"/nonexistent") != -1:
    raise AssertionError("escaped: acct was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: acct was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
