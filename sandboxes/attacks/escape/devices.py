"""Opens every device node there is but the harmless ones."""
# expect: passed
# where: docker process
import os
import stat

harmless = {"null", "zero", "full", "random", "urandom", "tty", "ptmx"}
for folder, folders, names in os.walk("/dev"):
    folders[:] = [name for name in folders if name not in ("shm", "fd")]
    for name in names:
        path = os.path.join(folder, name)
        mode = os.lstat(path).st_mode
        if (stat.S_ISBLK(mode) or stat.S_ISCHR(mode)) and name not in harmless:
            try:
                os.open(path, os.O_RDONLY | os.O_NONBLOCK)
            except OSError:
                continue
            raise AssertionError(f"escaped: {path} can be opened")
