"""Makes a System V message queue, which outlives every process and keeps up to 16 KiB."""
# expect: failed/other | passed
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 68, "aarch64": 186}[os.uname().machine]
if libc.syscall(number, 0x41, 0o1600) == -1:
    raise OSError(ctypes.get_errno(), "refused")
