"""Makes a System V message queue, which outlives every process and keeps up to 16 KiB."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 68, "aarch64": 186}[os.uname().machine]
if libc.syscall(number, 0x41, 0o1600) != -1:
    raise AssertionError("escaped: msgget was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: msgget was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
