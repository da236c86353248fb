"""Changes the host name."""
# expect: failed/other
# where: docker process
import socket

socket.sethostname("attack")
raise AssertionError("escaped: changed the host name")
