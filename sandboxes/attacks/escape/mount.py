"""Mounts a tmpfs over its own directory, and binds the root into it."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
own = os.getcwd().encode()
for source, kind, flags in ((b"tmpfs", b"tmpfs", 0), (b"/", None, 4096), (b"proc", b"proc", 0)):
    if libc.mount(source, own, kind, flags, None) == 0:
        raise AssertionError(f"escaped: mounted {source}")
raise OSError(ctypes.get_errno(), "refused")
