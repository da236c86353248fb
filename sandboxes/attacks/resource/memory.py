"""Takes memory in ordinary objects, up to 4 GiB.

A fix that limits address space instead (RLIMIT_AS) refuses honest programs that map much and touch little.
"""
# expect: memory

blocks = []
for _ in range(64):
    blocks.append(b"x" * (64 << 20))
