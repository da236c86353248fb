"""Leaves datagrams in sockets of a daemon: kernel memory that belongs to nobody's heap."""
# expect: passed
# where: docker process
import os
import socket
import time

receiver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
receiver.bind(("127.0.0.1", 0))
sender = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
for _ in range(200):
    try:
        sender.sendto(b"x" * 1000, receiver.getsockname())
    except OSError:
        break
if os.fork() == 0:
    time.sleep(30)
    os._exit(0)
