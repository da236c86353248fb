"""Reads all that /proc shows of PID 1: environment, memory, descriptors, root directory, working directory."""
# expect: passed
# where: docker process
import os

readers = {
    "environ": lambda path: open(path, "rb").read(),
    "mem": lambda path: os.open(path, os.O_RDWR),
    "maps": lambda path: open(path, "rb").read(),
    "fd": lambda path: [os.readlink(f"{path}/{name}") for name in os.listdir(path)],
    "fdinfo": lambda path: [open(f"{path}/{name}").read() for name in os.listdir(path)],
    "cwd": os.listdir,
    "root": os.listdir,
    "exe": lambda path: os.open(path, os.O_WRONLY),
    "stack": lambda path: open(path, "rb").read(),
    "syscall": lambda path: open(path, "rb").read(),
    "ns/mnt": os.readlink,
    "auxv": lambda path: open(path, "rb").read(),
}
for name, read in readers.items():
    try:
        seen = read(f"/proc/1/{name}")
    except OSError:
        continue
    if seen:
        raise AssertionError(f"escaped: /proc/1/{name}: {seen!r:.200}")
