"""Tries forbidden calls from threads started in every way: a filter set for one thread leaves the others free."""
# expect: passed
# where: docker
import _thread
import ctypes
import threading
import time

libc = ctypes.CDLL(None, use_errno=True)
results = []
for start in (lambda work: threading.Thread(target=work).start(), lambda work: _thread.start_new_thread(work, ())):
    start(lambda: results.append(libc.unshare(0x10000000)))
time.sleep(0.3)
if results != [-1, -1]:
    raise AssertionError(f"escaped: {results}")
