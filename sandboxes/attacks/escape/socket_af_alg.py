"""Opens a socket to the kernel's ciphers (AF_ALG), a frequent source of kernel exploits."""
# expect: failed/other | failed/network
# where: docker
import socket

opened = socket.socket(38, socket.SOCK_SEQPACKET)
raise AssertionError("escaped: opened")
