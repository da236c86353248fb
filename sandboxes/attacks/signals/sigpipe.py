"""Closes its output and dies of writing to nobody, with SIGPIPE as a C program has it."""
# expect: killed
import os
import signal

signal.signal(signal.SIGPIPE, signal.SIG_DFL)
reader, writer = os.pipe()
os.close(reader)
os.write(writer, b"x")
