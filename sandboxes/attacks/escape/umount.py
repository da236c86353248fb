"""Unmounts what hides the host's files: /proc/kcore, /sys/firmware, /proc, /dev."""
# expect: failed/other
# where: docker process
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
for path in (b"/proc/kcore", b"/sys/firmware", b"/proc/sys", b"/proc", b"/dev/shm"):
    if libc.umount2(path, 2) == 0:
        raise AssertionError(f"escaped: unmounted {path}")
raise OSError(ctypes.get_errno(), "refused")
