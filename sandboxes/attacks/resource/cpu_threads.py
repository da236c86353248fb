"""Computes in four threads in C code that drops the interpreter lock.

CPU time of the main thread alone grows four times slower, wall time too.
"""
# expect: timeout
import hashlib
import threading
import time

end = time.monotonic() + 50


def work():
    while time.monotonic() < end:
        hashlib.sha256(bytes(1 << 20))


threads = [threading.Thread(target=work, daemon=True) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
