"""Leaves semaphores and shared memory with names, as multiprocessing makes them; they are files in /dev/shm."""
# expect: passed
# where: docker process
import ctypes
import ctypes.util
from multiprocessing import resource_tracker, shared_memory

resource_tracker.register = lambda *_: None
blocks = [shared_memory.SharedMemory(f"left{number}", create=True, size=1 << 20) for number in range(4)]
libc = ctypes.CDLL(None, use_errno=True)
libc.sem_open.restype = ctypes.c_void_p
for number in range(4):
    libc.sem_open(f"/left{number}".encode(), 0o100, 0o666, 1)
for block in blocks:
    block.close()
