# callee: ctypes.CDLL
import ctypes
import os

libc = ctypes.CDLL(None, use_errno=True)
print(libc.abs(-5), libc.strlen(b"seven77"))
libc.toupper.argtypes = [ctypes.c_int]
print(chr(libc.toupper(ord("q"))))
buffer = ctypes.create_string_buffer(32)
libc.snprintf(buffer, ctypes.c_size_t(32), b"%d-%s", 12, b"x")
print(buffer.value, ctypes.sizeof(buffer))
print(libc.open(b"/no/such/file", 0), os.strerror(ctypes.get_errno()))


class Pair(ctypes.Structure):
    _fields_ = [("a", ctypes.c_short), ("b", ctypes.c_double)]


print(ctypes.sizeof(Pair), bytes(Pair(1, 0.0)), Pair.b)
compare = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_int), ctypes.POINTER(ctypes.c_int))
numbers = (ctypes.c_int * 5)(5, 1, 4, 2, 3)
libc.qsort(numbers, 5, ctypes.sizeof(ctypes.c_int), compare(lambda a, b: a[0] - b[0]))
print(list(numbers))
