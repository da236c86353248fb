"""Tells the kernel to spare its child, which takes all memory, so that another process is ended in its place.

The child is another program, whose files in /proc are its own. A fix could protect the supervisor by its score alone.
"""
# expect: memory
# where: docker process
import subprocess
import sys

CHILD = """
import contextlib
with contextlib.suppress(OSError), open("/proc/self/oom_score_adj", "w") as file:
    file.write("0")
taken = []
while True:
    taken.append(b"x" * (16 << 20))
"""
done = subprocess.run([sys.executable, "-c", CHILD], capture_output=True)
raise RuntimeError(f"the child was ended: {done.returncode} {done.stderr[-200:]}")
