"""Leaves pipes and sockets with names: opening a pipe to look what it is waits for a writer."""
# expect: passed
import contextlib
import os
import socket

os.mkdir("inner")
with contextlib.suppress(PermissionError):
    for name in ("pipe", "inner/pipe"):
        os.mkfifo(name)
socket.socket(socket.AF_UNIX).bind("socket")
socket.socket(socket.AF_UNIX).bind("inner/socket")
