"""Reads which keyring its user has (keyctl)."""
# expect: failed/other
# where: docker
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 250, "aarch64": 219}[os.uname().machine]
if libc.syscall(number, 0, -4, 0, 0, 0) != -1:
    raise AssertionError("escaped: keyctl was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: keyctl was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
