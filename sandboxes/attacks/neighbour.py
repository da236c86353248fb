"""Runs in another sandbox during an attack: keeps secrets in its files and computes a value that is checked.

It passes only if its files are unchanged and its result is correct within its limits.
"""
# expect: passed
import hashlib
import os
import tempfile

secret = os.urandom(16).hex()
shared = tempfile.NamedTemporaryFile("w+", dir="/tmp", prefix="apigauge-neighbour-", delete=False)
try:
    shared.write(secret)
    shared.close()
    with open("secret", "w") as file:
        file.write(secret)
    digest = b""
    for _ in range(150_000):
        digest = hashlib.sha256(digest).digest()
    if digest.hex()[:8] != "54f7f4e7":
        raise AssertionError(f"its result is {digest.hex()[:8]}")
    for path in ("secret", shared.name):
        with open(path) as file:
            if file.read() != secret:
                raise AssertionError(f"{path} was changed")
    if set(os.listdir(".")) - {"secret", "program.py", os.path.basename(shared.name)}:
        raise AssertionError(f"its directory holds {os.listdir('.')[:5]}")
finally:
    os.unlink(shared.name)
