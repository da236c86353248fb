"""Fetches a page with the standard library, as an honest program would; the reason given should be the network."""
# expect: failed/network
# where: docker process
import socket
import urllib.request

if not {name for _, name in socket.if_nameindex()} <= {"lo", "sit0", "tunl0", "ip6tnl0", "gre0", "gretap0", "erspan0", "ip_vti0", "ip6_vti0", "ip6gre0"}:
    raise AssertionError("escaped: there is a network interface; nothing was sent")
urllib.request.urlopen("http://attack.invalid/", timeout=2)
raise AssertionError("escaped: fetched")
