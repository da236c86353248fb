"""Attaches a mount by the new interface, which filters written for mount() do not know."""
# expect: failed/other
# where: docker
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 429, "aarch64": 429}[os.uname().machine]
if libc.syscall(number, -1, b"", -1, b"", 0) != -1:
    raise AssertionError("escaped: move_mount was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: move_mount was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
