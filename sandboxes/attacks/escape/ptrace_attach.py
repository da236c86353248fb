"""Attaches a debugger to the process that started it."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 101, "aarch64": 117}[os.uname().machine]
if libc.syscall(number, 16, os.getppid(), 0, 0) != -1:
    raise AssertionError("escaped: ptrace_attach was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: ptrace_attach was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
