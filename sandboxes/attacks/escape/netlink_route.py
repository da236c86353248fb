"""Asks the kernel to add a route (RTM_NEWROUTE to 192.0.2.0/24 on loopback). Netlink itself serves honest name look-ups."""
# expect: failed/other
# where: docker process
import socket
import struct

body = struct.pack("BBBBBBBBI", socket.AF_INET, 24, 0, 0, 254, 4, 253, 1, 0)
body += struct.pack("HH4s", 8, 1, socket.inet_aton("192.0.2.0")) + struct.pack("HHI", 8, 4, 1)
with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as kernel:
    kernel.settimeout(1)
    kernel.send(struct.pack("IHHII", 16 + len(body), 24, 0x605, 1, 0) + body)
    error = struct.unpack_from("i", kernel.recv(4096), 16)[0]
if error == 0:
    raise AssertionError("escaped: route added")
raise OSError(-error, "refused")
