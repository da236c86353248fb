"""Makes the root file system writable again."""
# expect: failed/other
# where: docker process
import ctypes

libc = ctypes.CDLL(None, use_errno=True)
if libc.mount(None, b"/", None, 32, None) == 0:
    raise AssertionError("escaped: remounted /")
raise OSError(ctypes.get_errno(), "refused")
