"""Asks the resolver that container engines run inside the container's own loopback (127.0.0.11)."""
# expect: failed/network
# where: docker process
import socket

if not {name for _, name in socket.if_nameindex()} <= {"lo", "sit0", "tunl0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6gre0"}:
    raise AssertionError("escaped: there is a network interface; nothing was sent")
with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asker:
    asker.settimeout(1)
    asker.connect(("127.0.0.11", 53))
    query = b"\x00\x01\x01\x00\x00\x01" + bytes(6) + b"\x06attack\x07invalid\x00\x00\x01\x00\x01"
    asker.send(query)
    asker.recv(512)
raise AssertionError("escaped: answered")
