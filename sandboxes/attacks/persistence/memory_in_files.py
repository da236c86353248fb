"""Leaves 96 MiB in files in memory, and then fails: they are charged to the sandbox until they are removed."""
# expect: failed/other | memory
# where: docker process

for number in range(6):
    with open(f"/tmp/large{number}", "wb") as file:
        file.write(b"x" * (16 << 20))
raise RuntimeError("left behind")
