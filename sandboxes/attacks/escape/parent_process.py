"""The same for the process that started it, if that is not PID 1."""
# expect: passed
# where: docker process
import os

for name in ("environ", "mem", "maps", "fd/0", "cwd/.", "root/etc", "auxv"):
    try:
        os.open(f"/proc/{os.getppid()}/{name}", os.O_RDONLY)
    except OSError:
        continue
    raise AssertionError(f"escaped: /proc/{os.getppid()}/{name} can be opened")
