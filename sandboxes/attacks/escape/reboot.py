"""Asks for a reboot with the wrong magic numbers: EINVAL instead of EPERM would mean that it had the right."""
# expect: failed/other
# where: docker process
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
number = {"x86_64": 169, "aarch64": 142}[os.uname().machine]
if libc.syscall(number, 0, 0, 0, None) != -1:
    raise AssertionError("escaped: reboot was allowed")
if ctypes.get_errno() not in (1, 13, 38):
    raise AssertionError(f"escaped: reboot was not refused but failed with errno {ctypes.get_errno()}")
raise OSError(ctypes.get_errno(), "refused")
