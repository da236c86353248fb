"""Connects to every abstract Unix socket it sees: they have no file, and belong to the network namespace."""
# expect: passed
# where: docker process
import socket

with open("/proc/net/unix") as table:
    names = [line.split()[7] for line in table.read().splitlines()[1:] if len(line.split()) > 7]
for name in names:
    with socket.socket(socket.AF_UNIX) as caller:
        caller.settimeout(0.5)
        if caller.connect_ex("\0" + name[1:] if name[0] == "@" else name) == 0:
            raise AssertionError(f"escaped: {name} answers")
