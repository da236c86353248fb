"""Makes a file of 1 TiB without writing anything to it.

It takes no space, but whoever copies, hashes or reads what a program left behind would.
"""
# expect: failed/other

with open("sparse", "wb") as file:
    file.truncate(1 << 40)
