"""Changes the domain name."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 171, "aarch64": 162}[os.uname().machine]
if libc.syscall(number, b"attack", 6) != -1:
    raise AssertionError("escaped: setdomainname was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: setdomainname was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
