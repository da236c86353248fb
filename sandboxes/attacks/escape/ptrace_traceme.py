"""Offers itself to its parent's debugger: the parent then gets a stop it did not expect for every signal."""
# expect: failed/other
# where: docker
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 101, "aarch64": 117}[os.uname().machine]
if libc.syscall(number, 0, 0, 0, 0) != -1:
    raise AssertionError("escaped: ptrace_traceme was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: ptrace_traceme was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
