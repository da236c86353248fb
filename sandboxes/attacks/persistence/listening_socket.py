"""Leaves a daemon that listens on loopback, where the next program would meet it."""
# expect: passed
# where: docker process
import os
import socket
import time

server = socket.create_server(("127.0.0.1", 0))
abstract = socket.socket(socket.AF_UNIX)
abstract.bind("\0left-behind")
abstract.listen()
if os.fork() == 0:
    os.setsid()
    time.sleep(30)
    os._exit(0)
