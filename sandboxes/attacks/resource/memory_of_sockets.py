"""Fills the buffers of connections that nobody reads: control groups of the first version do not count them.

Their size is limited in a container. Bounded here to 1 GiB.
"""
# expect: passed | memory | failed/other | timeout
# where: docker
import socket

server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen(200)
sent = 0
kept = []
for _ in range(100):
    client = socket.create_connection(server.getsockname())
    kept += [client, server.accept()[0]]
    for end in kept[-2:]:
        end.setblocking(False)
        try:
            while sent < 1 << 30:
                sent += end.send(b"x" * 65536)
        except BlockingIOError:
            pass
assert sent < 100 << 20, sent
