"""Makes System V shared memory, which outlives every process."""
# expect: failed/other | passed
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 29, "aarch64": 194}[os.uname().machine]
if libc.syscall(number, 0x41, 4096, 0o1600) == -1:
    raise OSError(ctypes.get_errno(), "refused")
