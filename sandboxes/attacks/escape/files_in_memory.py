"""Executes a file in memory, by its descriptor and by its path in /proc.

By its descriptor it is refused. By its path it is not: no mount option reaches such files. A program gains nothing by
it, since it can map memory that is executable.
"""
# expect: passed
import contextlib
import os
import shutil

file = os.memfd_create("program", 0)
with open(shutil.which("true"), "rb") as program:
    os.write(file, program.read())
with contextlib.suppress(OSError):
    if os.fork() == 0:
        try:
            os.execve(file, ["true"], {})
        finally:
            os._exit(77)
    assert os.waitstatus_to_exitcode(os.wait()[1]) in (0, 77)
