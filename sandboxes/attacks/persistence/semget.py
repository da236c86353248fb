"""Makes a System V semaphore, which outlives every process."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 64, "aarch64": 190}[os.uname().machine]
if libc.syscall(number, 0x41, 1, 0o1600) != -1:
    raise AssertionError("escaped: semget was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: semget was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
