"""Locks all its memory, so that it could never be swapped out, beyond the usual limit."""
# expect: failed/other
# where: docker process
import ctypes
import mmap

libc = ctypes.CDLL(None, use_errno=True)
area = mmap.mmap(-1, 128 << 20)
if libc.mlock(ctypes.c_void_p(ctypes.addressof(ctypes.c_char.from_buffer(area))), ctypes.c_size_t(len(area))) == 0:
    raise AssertionError("escaped: locked 128 MiB")
raise OSError(ctypes.get_errno(), "refused")
