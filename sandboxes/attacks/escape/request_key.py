"""Makes the kernel start its key helper on the host (request_key)."""
# expect: failed/other
# where: docker
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 249, "aarch64": 218}[os.uname().machine]
if libc.syscall(number, b"user", b"attack", b"x", 0) != -1:
    raise AssertionError("escaped: request_key was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: request_key was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
