"""Opens a raw socket for IPv6."""
# expect: failed/other | failed/network
# where: docker process
import socket

opened = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
raise AssertionError("escaped: opened")
