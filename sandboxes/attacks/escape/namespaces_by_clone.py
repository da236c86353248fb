"""The same by clone(), whose flags a filter on unshare() does not see, and by clone3(), whose flags no filter sees."""
# expect: passed
# where: docker
import ctypes
import os
import signal

libc = ctypes.CDLL(None, use_errno=True)
clone, clone3 = {"x86_64": (56, 435), "aarch64": (220, 435)}[os.uname().machine]
for flag in (0x10000000, 0x20000, 0x10000000 | 0x20000, 0x40000000, 0x20000000):
    child = libc.syscall(clone, flag | signal.SIGCHLD, 0, 0, 0, 0)
    if child == 0:
        os._exit(0)
    if child > 0:
        os.waitpid(child, 0)
        raise AssertionError(f"escaped: clone with {flag:#x}")
    arguments = (ctypes.c_uint64 * 11)(flag, 0, 0, 0, signal.SIGCHLD)
    child = libc.syscall(clone3, arguments, 64)
    if child == 0:
        os._exit(0)
    if child > 0:
        os.waitpid(child, 0)
        raise AssertionError(f"escaped: clone3 with {flag:#x}")
