"""Leaves files in its own directory whose names are no text, look like options, or hold ends of lines."""
# expect: passed
import os

for name in (b"-rf", b"*", b"a\nb", b"\xff\xfe", b"...", b" ", b"\x01\x7f", b"$HOME", b"a" * 255, b".hidden"):
    os.mkdir(name) if name[0] == 46 else os.close(os.open(name, os.O_CREAT))
