"""Calls the kernel by its 32-bit entry (int 0x80), whose numbers are others: unshare is 310 there.

A filter that looks at the number alone, and not at the architecture, lets it through as another call.
"""
# expect: failed/other | killed
# where: docker
import ctypes
import mmap
import os

if os.uname().machine != "x86_64":
    raise OSError("no other entry")
code = bytes.fromhex("53 b8 36 01 00 00 bb 00 00 00 10 cd 80 5b c3".replace(" ", ""))
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(code)
result = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
if result == 0:
    raise AssertionError("escaped: has a user namespace of its own")
raise OSError(-result, "refused")
