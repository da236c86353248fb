"""Sets up io_uring: its operations pass by every filter on system calls."""
# expect: failed/other
# where: docker
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 425, "aarch64": 425}[os.uname().machine]
struct = ctypes.create_string_buffer(256)
if libc.syscall(number, 1, struct) != -1:
    raise AssertionError("escaped: io_uring_setup was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: io_uring_setup was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
