"""Gives a program of its own the set-user-id bit and a capability, and looks whether either takes effect."""
# expect: passed
# where: docker process
import os
import shutil
import subprocess

shutil.copy("/bin/cat", "own")
os.chmod("own", 0o6755)
try:
    os.setxattr("own", "security.capability", bytes.fromhex("0100000200000020") + bytes(12))
except OSError:
    pass
else:
    raise AssertionError("escaped: set a capability")
try:
    seen = subprocess.run(["./own", "/proc/self/status"], capture_output=True, text=True, check=True).stdout
except OSError:
    seen = "CapEff:\t0\nUid:\t1"
for line in seen.splitlines():
    if line.startswith("CapEff") and int(line.split()[1], 16):
        raise AssertionError(f"escaped: {line}")
