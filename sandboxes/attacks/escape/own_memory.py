"""Writes to its own read-only memory through /proc/self/mem: it changes only itself, and gains no verdict by it."""
# expect: early_exit | failed/other | killed
# stage: 2
import ctypes
import os

address = ctypes.cast(ctypes.CDLL(None).getppid, ctypes.c_void_p).value
memory = os.open("/proc/self/mem", os.O_RDWR)
before = os.pread(memory, 16, address)
os.pwrite(memory, before, address)
os._exit(0)
