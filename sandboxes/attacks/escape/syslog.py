"""Reads the kernel's log, which tells what the host does; only a setting of the host forbids it."""
# expect: failed/other
# where: docker
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 103, "aarch64": 116}[os.uname().machine]
struct = ctypes.create_string_buffer(256)
if libc.syscall(number, 3, struct, 64) != -1:
    raise AssertionError("escaped: syslog was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: syslog was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
