"""Makes a System V semaphore, which outlives every process."""
# expect: failed/other | passed
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 64, "aarch64": 190}[os.uname().machine]
if libc.syscall(number, 0x41, 1, 0o1600) == -1:
    raise OSError(ctypes.get_errno(), "refused")
