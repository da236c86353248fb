"""Connects over IPv4. The address is one for documentation, and nothing is sent where an interface exists."""
# expect: failed/network
# where: docker process
import socket

if not {name for _, name in socket.if_nameindex()} <= {"lo", "sit0", "tunl0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6gre0"}:
    raise AssertionError("escaped: there is a network interface; nothing was sent")
socket.create_connection(("192.0.2.1", 80), timeout=2)
raise AssertionError("escaped: connected")
