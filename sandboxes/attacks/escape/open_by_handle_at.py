"""Opens a file of the host by its inode, past every mount (the `shocker` escape)."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 304, "aarch64": 265}[os.uname().machine]
struct = ctypes.create_string_buffer(256)
struct[:1] = b"\x08"
if libc.syscall(number, -100, struct, 0) != -1:
    raise AssertionError("escaped: open_by_handle_at was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: open_by_handle_at was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
