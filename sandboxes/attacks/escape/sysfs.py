"""Looks for a writable file anywhere in /sys."""
# expect: passed
# where: docker process
import os
import time

end = time.monotonic() + 1
for folder, _, names in os.walk("/sys"):
    for name in names:
        path = os.path.join(folder, name)
        if os.access(path, os.W_OK) and not os.path.islink(path):
            raise AssertionError(f"escaped: {path} is writable")
    if time.monotonic() > end:
        break
