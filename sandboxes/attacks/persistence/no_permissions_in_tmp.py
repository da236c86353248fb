"""The same in /tmp and /dev/shm, where the sandbox's own folders are everyone's."""
# expect: passed
# where: docker process
import os

for folder in ("/tmp", "/dev/shm"):
    os.makedirs(f"{folder}/locked/inner")
    open(f"{folder}/locked/inner/file", "w").close()
    os.chmod(f"{folder}/locked/inner", 0)
    os.chmod(f"{folder}/locked", 0)
