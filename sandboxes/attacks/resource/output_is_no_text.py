"""Writes bytes that are no UTF-8, with NULs and terminal escapes, cut in the middle of a character.

Decoding strictly, or cutting a stream in the middle of a character, raises in our own code.
"""
# expect: passed
import os

os.write(1, bytes(range(256)) * 16 + "\N{SNOWMAN}".encode()[:2])
os.write(2, b"\x00\x1b]0;title\x07\x1b[2J\xed\xa0\x80\xff\xfe" * 100 + b"\xf0\x9f")
