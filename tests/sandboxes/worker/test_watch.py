"""What a watch counts as computing and as idling, measured on processes of this machine."""

import contextlib
import os
import signal
import subprocess
import sys
import time

from apigauge.sandboxes.worker import cleanup
from apigauge.sandboxes.worker.watch import Watch

LIMITS = {"cpu_seconds": 1e6, "idle_seconds": 1e6, "memory_bytes": 1 << 40, "processes": 1_000}
REAPED_BY_NOBODY = """
import os, signal, time
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
while True:
    if os.fork() == 0:
        end = time.process_time() + 0.05
        while time.process_time() < end: pass
        os._exit(0)
    time.sleep(0.05)
"""


def tree(root):
    """A process and its descendants."""
    waiting, all_of_them = [root], []
    while waiting:
        all_of_them.append(pid := waiting.pop())
        waiting += cleanup._children(pid)
    return all_of_them


@contextlib.contextmanager
def watched(source, seconds):
    """A watch after it has looked at a program for so long."""
    with subprocess.Popen([sys.executable, "-c", source], start_new_session=True) as process:
        watch = Watch(LIMITS, lambda: tree(process.pid), lambda: 0.0)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(0.05)
            watch.look()
        os.killpg(process.pid, signal.SIGKILL)
        yield watch


def test_a_sleeper_idles():
    with watched("import time; time.sleep(60)", 1.5) as watch:
        assert watch.idle_seconds > watch.cpu_seconds


def test_what_computes_does_not_idle():
    with watched("while True: pass", 1.5) as watch:
        assert watch.cpu_seconds > 0
        assert watch.idle_seconds < 1


def test_time_of_children_that_nobody_reaps_is_counted_or_is_idle():
    began = time.monotonic()
    with watched(REAPED_BY_NOBODY, 2) as watch:
        assert watch.cpu_seconds > 0.1
        assert watch.cpu_seconds + watch.idle_seconds > 0.8 * (watch._seen_at - began - 0.5)


def test_a_wait_that_is_reported_late_was_no_idling():
    watch = Watch(LIMITS, list, lambda: 0.0)
    for _ in range(10):
        watch._looks.append([0.05, 0.0])
        watch.idle_seconds += 0.05
    for _ in range(2):  # by two threads that have waited for the same time
        watch._cover(0.32)
        assert abs(watch.idle_seconds - 0.18) < 1e-6
    watch._cover(10)
    assert abs(watch.idle_seconds) < 1e-6
