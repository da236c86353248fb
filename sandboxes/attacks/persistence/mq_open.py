"""Makes a POSIX message queue, which outlives every process."""
# expect: failed/other | passed
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 240, "aarch64": 180}[os.uname().machine]
if libc.syscall(number, b"attack", 0o102, 0o600, None) == -1:
    raise OSError(ctypes.get_errno(), "refused")
