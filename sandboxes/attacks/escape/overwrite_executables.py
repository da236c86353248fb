"""Opens the executables of running processes for writing, through /proc: how a container once replaced its engine."""
# expect: passed
# where: docker process
import os

for pid in [name for name in os.listdir("/proc") if name.isdigit()] + ["self"]:
    try:
        os.open(f"/proc/{pid}/exe", os.O_WRONLY)
    except OSError:
        continue
    raise AssertionError(f"escaped: may write to the executable of {pid}")
