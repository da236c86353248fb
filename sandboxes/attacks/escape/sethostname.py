"""Changes the host name by the bare system call."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 170, "aarch64": 161}[os.uname().machine]
if libc.syscall(number, b"attack", 6) != -1:
    raise AssertionError("escaped: sethostname was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: sethostname was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
