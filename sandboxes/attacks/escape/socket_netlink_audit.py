"""Opens a socket to the kernel's audit log and binds it to the group that hears everything."""
# expect: failed/other | failed/network
# where: docker
import socket

opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 9)
opened.bind((0, 1))
raise AssertionError("escaped: opened")
