"""Leaves a key in the kernel's keyring, which belongs to the user id and is in no namespace."""
# expect: failed/other
# where: docker
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 248, "aarch64": 217}[os.uname().machine]
if libc.syscall(number, b"user", b"attack", b"x", 1, -3) != -1:
    raise AssertionError("escaped: add_key was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: add_key was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
