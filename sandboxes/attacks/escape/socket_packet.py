"""Opens a packet socket, which sees and forges whole frames."""
# expect: failed/other | failed/network
# where: docker process
import socket

opened = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0x0300)
raise AssertionError("escaped: opened")
