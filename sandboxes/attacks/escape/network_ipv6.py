"""Connects over IPv6, which rules for IPv4 alone forget."""
# expect: failed/network
# where: docker process
import socket

if not {name for _, name in socket.if_nameindex()} <= {"lo", "sit0", "tunl0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6gre0"}:
    raise AssertionError("escaped: there is a network interface; nothing was sent")
socket.create_connection(("2001:db8::1", 80), timeout=2)
raise AssertionError("escaped: connected")
