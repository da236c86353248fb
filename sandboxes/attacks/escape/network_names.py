"""Looks up a name. A resolver that reaches the outside carries data out in the names it is asked for."""
# expect: failed/network
# where: docker process
import socket

if not {name for _, name in socket.if_nameindex()} <= {"lo", "sit0", "tunl0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6gre0"}:
    raise AssertionError("escaped: there is a network interface; nothing was sent")
socket.getaddrinfo("attack.invalid", 80)
raise AssertionError("escaped: resolved")
