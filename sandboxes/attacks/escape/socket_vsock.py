"""Opens a vsock socket: a way from a virtual machine to its host that no network namespace closes."""
# expect: failed/other | failed/network
# where: docker
import socket

opened = socket.socket(40, socket.SOCK_STREAM)
raise AssertionError("escaped: opened")
