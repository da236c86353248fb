"""Sends signal 0 to every process it can name: being allowed to means being allowed to kill it.

But PID 1, which the kernel shields within its namespace; the attacks on signals see to that.
"""
# expect: passed
# where: docker process
import os

for pid in range(2, 33_000):
    if pid == os.getpid():
        continue
    try:
        os.kill(pid, 0)
    except OSError:
        continue
    raise AssertionError(f"escaped: may signal process {pid}")
