"""Creates a BPF map. Whether it needs a privilege depends on a setting of the host."""
# expect: failed/other
# where: docker
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
struct = ctypes.create_string_buffer(256)
struct[:16] = (2).to_bytes(4, "little") + (4).to_bytes(4, "little") * 2 + (1).to_bytes(4, "little")
if libc.syscall(number, 0, struct, 64) != -1:
    raise AssertionError("escaped: bpf was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: bpf was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
