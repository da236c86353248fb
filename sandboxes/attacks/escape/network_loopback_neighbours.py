"""Tries the loopback ports of databases, engines and debuggers: loopback is the host's unless the network is a namespace."""
# expect: passed
# where: docker process
import socket

if not {name for _, name in socket.if_nameindex()} <= {"lo", "sit0", "tunl0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6gre0"}:
    raise AssertionError("escaped: there is a network interface; nothing was sent")
for port in (22, 80, 111, 443, 631, 2375, 2376, 3000, 3306, 5000, 5432, 5678, 6379, 8000, 8080, 8443, 8888, 9229, 11434):
    with socket.socket() as caller:
        caller.settimeout(0.2)
        if caller.connect_ex(("127.0.0.1", port)) == 0:
            raise AssertionError(f"escaped: port {port} answers")
