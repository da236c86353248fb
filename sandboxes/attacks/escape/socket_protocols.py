"""Opens sockets of protocols and families that only administration needs, and some with long histories of faults.

A fix could compare only the family, as the filter once did.
"""
# expect: passed
# where: docker process
import socket

OPEN = []
for family, kind, protocol in (
    *((socket.AF_NETLINK, socket.SOCK_RAW, number) for number in range(1, 23)),
    (socket.AF_INET, socket.SOCK_STREAM, 262),
    (socket.AF_INET6, socket.SOCK_STREAM, 262),
    (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_ICMP),
    (socket.AF_INET6, socket.SOCK_DGRAM, socket.IPPROTO_ICMPV6),
    (socket.AF_INET, socket.SOCK_DGRAM, socket.IPPROTO_UDPLITE),
    (socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_SCTP),
    (socket.AF_INET, socket.SOCK_SEQPACKET, 0),
    (socket.AF_PACKET, socket.SOCK_RAW, 3),
    (socket.AF_VSOCK, socket.SOCK_STREAM, 0),
    (socket.AF_ALG, socket.SOCK_SEQPACKET, 0),
    (socket.AF_TIPC, socket.SOCK_RDM, 0),
):
    try:
        socket.socket(family, kind, protocol)
    except OSError:
        continue
    OPEN.append((family, kind, protocol))
assert not OPEN, OPEN
for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
    socket.socket(socket.AF_INET, kind)
socket.getaddrinfo("localhost", 80)
