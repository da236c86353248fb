"""Opens a userfaultfd, with which a program stops the kernel in the middle of a copy."""
# expect: failed/other
# where: docker
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 323, "aarch64": 282}[os.uname().machine]
if libc.syscall(number, 1) != -1:
    raise AssertionError("escaped: userfaultfd was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: userfaultfd was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
