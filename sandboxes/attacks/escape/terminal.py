"""Pushes characters into the terminal of whoever started the sandbox (TIOCSTI)."""
# expect: passed
import fcntl
import os
import termios

descriptors = [0, 1, 2]
try:
    descriptors.append(os.open("/dev/tty", os.O_RDWR))
except OSError:
    pass
for descriptor in descriptors:
    try:
        fcntl.ioctl(descriptor, termios.TIOCGPGRP, b"    ")
    except OSError:
        continue
    raise AssertionError(f"escaped: descriptor {descriptor} is a terminal")
