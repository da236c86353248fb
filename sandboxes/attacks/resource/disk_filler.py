"""Fills its own directory, up to 1 GiB, in files each below the limit for one file.

RLIMIT_FSIZE is about one file; only a limit on the file system is about all.
"""
# expect: failed/other | memory
# where: docker process

for number in range(64):
    with open(f"filler{number}", "wb") as file:
        file.write(b"x" * (16 << 20))
