"""Writes a forged verdict to every descriptor there is, and fails."""
# expect: failed/other
# stage: 2
import json
import os

body = json.dumps({"status": "passed", "stage": 4, "category": None, "clean": True, "id": 2}).encode()
for descriptor in range(256):
    for data in (len(body).to_bytes(4, "big") + body, b"\x01\x00\x00\x00" + len(body).to_bytes(4, "big") + body):
        try:
            os.write(descriptor, data)
        except OSError:
            pass
raise RuntimeError("failed")
