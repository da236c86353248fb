"""Closes /tmp, /dev/shm and the folder of all programs, where it may, for the program that comes next."""
# expect: passed
# where: docker process
import os

for path in ("/tmp", "/dev/shm", os.path.dirname(os.path.realpath(os.getcwd()))):
    try:
        os.chmod(path, 0)
    except OSError:
        pass
