"""Asks to change a disk quota."""
# expect: failed/other
# where: docker
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 179, "aarch64": 60}[os.uname().machine]
if libc.syscall(number, 0x800001 << 8, b"/nonexistent", 0, None) != -1:
    raise AssertionError("escaped: quotactl was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: quotactl was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
