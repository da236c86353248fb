"""Reads the kernel's memory, its log and the host's hardware: /proc/kcore, /dev/mem, /dev/kmsg, /proc/kallsyms."""
# expect: passed
# where: docker process
import os

for path in ("/proc/kcore", "/dev/mem", "/dev/kmem", "/dev/port", "/dev/kmsg", "/proc/kmsg"):
    try:
        seen = os.read(os.open(path, os.O_RDONLY | os.O_NONBLOCK), 64)
    except OSError:
        continue
    if seen:
        raise AssertionError(f"escaped: {path}: {seen[:16]!r}")
try:
    addresses = {line.split()[0] for line in open("/proc/kallsyms")}
except OSError:
    addresses = set()
if not addresses <= {"0" * 16}:
    raise AssertionError("escaped: kernel addresses are visible")
