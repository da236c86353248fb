"""Reads the password hashes."""
# expect: failed/input | failed/other
# where: docker process

with open("/etc/shadow") as file:
    raise AssertionError(f"escaped: {len(file.read())} bytes of /etc/shadow")
