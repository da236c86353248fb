"""What the supervisor does to its own memory before it forks."""

import os
import subprocess
import sys
import weakref

from apigauge.sandboxes.worker import supervisor

_COLLAPSED = """
import mmap, re
from apigauge.sandboxes.worker import kernel
held = [bytes([number % 251]) * 1000 for number in range(64_000)]
# Of this mapping too little is in use.
hole = mmap.mmap(-1, 64 << 20, flags=mmap.MAP_PRIVATE)
for at in range(0, 64 << 20, 2 << 20):
    hole[at] = 1
def megabytes(name):
    return int(re.search(rf"{name}: +([0-9]+)", open("/proc/self/smaps_rollup").read())[1]) >> 10
before = megabytes("Anonymous")
kernel.use_huge_pages()
assert all(one == bytes([number % 251]) * 1000 for number, one in enumerate(held))
print(megabytes("AnonHugePages"), megabytes("Anonymous") - before)
"""


def test_memory_in_use_is_put_into_huge_pages_and_no_other():
    done = subprocess.run([sys.executable, "-c", _COLLAPSED], capture_output=True, text=True, check=True)
    huge, more = map(int, done.stdout.split())
    release = tuple(map(int, os.uname().release.split(".")[:2])) if sys.platform == "linux" else (0, 0)
    assert (huge > 40) == (release >= (6, 1))
    assert more < 30


def test_at_its_end_a_child_leaves_what_was_preloaded():
    class Resource:
        pass

    resource = Resource()
    preloaded = weakref.finalize(resource, print)
    supervisor._keep_what_was_preloaded()
    later = weakref.finalize(resource, print)
    assert (preloaded.atexit, later.atexit) == (False, True)
    preloaded.detach()
    later.detach()
