"""Leaves a daemon with all the inotify instances a user may have, watching what the next program will do."""
# expect: passed
# where: docker process
import ctypes
import os
import time

libc = ctypes.CDLL(None, use_errno=True)
for _ in range(120):
    watcher = libc.inotify_init1(0)
    for path in (b"/tmp", b"/dev/shm", b"/box", b".", b"/usr/lib"):
        libc.inotify_add_watch(watcher, path, 0xFFF)
if os.fork() == 0:
    time.sleep(30)
    os._exit(0)
