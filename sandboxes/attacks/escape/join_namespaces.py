"""Joins the namespaces of PID 1 and of its parent, by file and by handle."""
# expect: passed
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
for pid in {1, os.getppid()}:
    for kind in ("user", "mnt", "net", "pid", "ipc", "uts", "cgroup"):
        try:
            namespace = os.open(f"/proc/{pid}/ns/{kind}", os.O_RDONLY)
        except OSError:
            continue
        if libc.setns(namespace, 0) == 0:
            raise AssertionError(f"escaped: joined the {kind} namespace of {pid}")
    handle = libc.syscall(434, pid, 0)
    if handle != -1 and libc.setns(handle, 0x10000000 | 0x20000) == 0:
        raise AssertionError(f"escaped: joined the namespaces of {pid}")
