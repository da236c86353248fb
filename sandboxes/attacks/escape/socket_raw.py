"""Opens a raw socket; with one, a program can forge packets (CAP_NET_RAW is among Docker's defaults)."""
# expect: failed/other | failed/network
# where: docker process
import socket

opened = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
raise AssertionError("escaped: opened")
