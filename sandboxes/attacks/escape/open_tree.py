"""Copies the tree of mounts (open_tree with OPEN_TREE_CLONE)."""
# expect: failed/other
# where: docker
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 428, "aarch64": 428}[os.uname().machine]
if libc.syscall(number, -100, b"/", 1) != -1:
    raise AssertionError("escaped: open_tree was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: open_tree was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
