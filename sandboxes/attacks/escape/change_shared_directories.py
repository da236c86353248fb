"""Takes /tmp and /dev/shm from the next program: changes their mode, removes and renames them."""
# expect: passed
# where: docker
import os

for path in ("/tmp", "/dev/shm", os.path.dirname(os.path.realpath(os.getcwd()))):
    for change in (lambda p: os.chmod(p, 0), os.rmdir, lambda p: os.rename(p, p + "x"), lambda p: os.chown(p, 1, 1)):
        try:
            change(path)
        except OSError:
            continue
        raise AssertionError(f"escaped: changed {path}")
