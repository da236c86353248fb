"""Makes a POSIX message queue, which outlives every process."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 240, "aarch64": 180}[os.uname().machine]
if libc.syscall(number, b"attack", 0o102, 0o600, None) != -1:
    raise AssertionError("escaped: mq_open was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: mq_open was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
