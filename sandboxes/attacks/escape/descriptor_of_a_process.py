"""Takes a descriptor of PID 1 (pidfd_getfd)."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
handle = libc.syscall(434, 1, 0)
if handle == -1:
    raise OSError(ctypes.get_errno(), "refused a handle")
if any(libc.syscall(438, handle, number, 0) != -1 for number in range(16)):
    raise AssertionError("escaped: has a descriptor of PID 1")
raise OSError(ctypes.get_errno(), "refused the descriptor")
