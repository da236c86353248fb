"""Compares its descriptors with its parent's; learns kernel addresses by sorting."""
# expect: failed/other
# where: docker
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 312, "aarch64": 272}[os.uname().machine]
if libc.syscall(number, os.getpid(), os.getppid(), 0, 0, 0) != -1:
    raise AssertionError("escaped: kcmp was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: kcmp was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
