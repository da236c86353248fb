"""Fills /tmp, up to 1 GiB, in files each below the limit for one file.

Files in a tmpfs are memory that outlives the program: the sandbox has to remove them before it measures the next one.
"""
# expect: failed/other | memory
# where: docker process

for number in range(64):
    with open(f"/tmp/filler{number}", "wb") as file:
        file.write(b"x" * (16 << 20))
