"""Makes new namespaces, each kind and a user namespace with each: root inside one reaches more of the kernel."""
# expect: passed
# where: docker
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
kinds = {"time": 0x80, "mnt": 0x20000, "cgroup": 0x2000000, "uts": 0x4000000, "ipc": 0x8000000}
kinds |= {"user": 0x10000000, "pid": 0x20000000, "net": 0x40000000}
for name, flag in kinds.items():
    if libc.unshare(flag) == 0:
        raise AssertionError(f"escaped: has a {name} namespace of its own")
    if libc.unshare(flag | kinds["user"]) == 0:
        raise AssertionError(f"escaped: has a {name} and a user namespace of its own")
