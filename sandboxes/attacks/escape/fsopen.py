"""Makes a file system by the new interface (fsopen)."""
# expect: failed/other
# where: docker
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 430, "aarch64": 430}[os.uname().machine]
if libc.syscall(number, b"tmpfs", 0) != -1:
    raise AssertionError("escaped: fsopen was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: fsopen was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
