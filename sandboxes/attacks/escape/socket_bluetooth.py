"""Opens a Bluetooth socket, whose family is in no namespace."""
# expect: failed/other | failed/network
# where: docker
import socket

opened = socket.socket(31, socket.SOCK_RAW, 1)
raise AssertionError("escaped: opened")
