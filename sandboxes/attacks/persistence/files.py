"""Leaves files in every place that any program may write to."""
# expect: passed
# where: docker process
import os

for folder in ("/tmp", "/dev/shm", "/var/tmp", "/run", "/run/lock", "/dev/mqueue", os.environ["HOME"], os.environ["TMPDIR"]):
    try:
        for name in ("left", ".left", "-rf", "*", "left\nover", "\udcff", "~", "a" * 255):
            with open(os.path.join(folder, name), "w") as file:
                file.write("left")
    except OSError:
        pass
