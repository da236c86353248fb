"""Opens a performance counter of its own process; the interface is large and old exploits are many."""
# expect: failed/other
# where: docker
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 298, "aarch64": 241}[os.uname().machine]
struct = ctypes.create_string_buffer(256)
struct[:8] = (1).to_bytes(4, "little") + (128).to_bytes(4, "little")
struct[40:41] = b"\x61"  # disabled, neither the kernel nor the hypervisor
if libc.syscall(number, struct, 0, -1, -1, 0) != -1:
    raise AssertionError("escaped: perf_event_open was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: perf_event_open was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
