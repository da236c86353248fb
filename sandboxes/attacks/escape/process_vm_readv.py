"""Reads the memory of the process that started it."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 310, "aarch64": 270}[os.uname().machine]
buffer = ctypes.create_string_buffer(8)
# One real vector: with none at all, the kernel says yes before it looks at whose memory is meant.
vector = (ctypes.c_size_t * 2)(ctypes.addressof(buffer), 8)
if libc.syscall(number, os.getppid(), vector, 1, vector, 1, 0) != -1:
    raise AssertionError("escaped: process_vm_readv was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: process_vm_readv was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
