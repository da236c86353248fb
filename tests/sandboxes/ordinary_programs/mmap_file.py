# callee: mmap.mmap
import mmap
import os
import re

with open("mapped.bin", "wb") as file:
    file.write(b"hello world, hello moon")
with open("mapped.bin", "r+b") as file, mmap.mmap(file.fileno(), 0) as view:
    print(len(view), view[:5], view.find(b"world"), view.rfind(b"hello"))
    view[0:5] = b"HELLO"
    view.flush()
    print([match.start() for match in re.finditer(rb"(?i)hello", view)])
print(open("mapped.bin", "rb").read())
anonymous = mmap.mmap(-1, 4096)
pid = os.fork()
if pid == 0:
    anonymous[:5] = b"child"
    os._exit(0)
os.waitpid(pid, 0)
print(anonymous[:5], mmap.PAGESIZE)
try:
    mmap.mmap(-1, 10, access=mmap.ACCESS_READ)[0] = 1
except TypeError as error:
    print(error)
