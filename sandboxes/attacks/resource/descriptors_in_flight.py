"""Sends descriptors through a socket that nobody reads and closes its own copies, so that none counts as open.

The kernel limits descriptors in flight to RLIMIT_NOFILE for each user: a user that programs share would be shared too.
"""
# expect: failed/other
# where: docker process
import os
import socket

pairs = []
for _ in range(100):
    sender, receiver = socket.socketpair()
    sender.setblocking(False)
    pairs.append((sender, receiver))
    for _ in range(250):
        null = os.open("/dev/null", os.O_RDONLY)
        try:
            socket.send_fds(sender, [b"x"], [null] * 100)
        except BlockingIOError:
            break
        finally:
            os.close(null)
raise AssertionError("unlimited descriptors")
