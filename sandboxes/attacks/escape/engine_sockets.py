"""Looks for the sockets of container engines: whoever can talk to one owns the host."""
# expect: passed
# where: docker process
import glob
import socket

patterns = ("/var/run/*.sock", "/run/*.sock", "/run/*/*.sock", "/run/user/*/*/*.sock", "/tmp/*.sock", "/run/containerd/*")
for path in {path for pattern in patterns for path in glob.glob(pattern)}:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(0.5)
        if caller.connect_ex(path) == 0:
            raise AssertionError(f"escaped: {path} answers")
