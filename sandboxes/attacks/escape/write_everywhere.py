"""Makes a file in every directory that lets it, outside its own and the shared ones; the root is to be read-only."""
# expect: passed
# where: docker process
import os

allowed = {os.path.realpath(path) for path in (os.getcwd(), "/tmp", "/dev/shm", "/proc", "/sys", "/var/tmp")}
allowed.add(os.path.dirname(os.path.realpath(os.getcwd())))
for folder, folders, _ in os.walk("/"):
    if os.path.realpath(folder) in allowed:
        folders.clear()
        continue
    if folder.count("/") > 3:
        folders.clear()
    if os.access(folder, os.W_OK):
        path = os.path.join(folder, "attack")
        try:
            os.close(os.open(path, os.O_CREAT | os.O_RDWR | os.O_EXCL, 0o600))
        except OSError:
            continue
        os.unlink(path)
        raise AssertionError(f"escaped: made {path}")
