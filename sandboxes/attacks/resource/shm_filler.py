"""Fills /dev/shm, up to 1 GiB, in files each below the limit for one file.

Docker gives it 64 MiB of its own unless told otherwise; a sandbox that bind-mounts the host's gives it half the memory.
"""
# expect: failed/other | memory
# where: docker process

for number in range(64):
    with open(f"/dev/shm/filler{number}", "wb") as file:
        file.write(b"x" * (16 << 20))
