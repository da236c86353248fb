"""Thousands of programs, one in five hostile, through the same workers: nothing grows, nothing is left, none is lost."""

import itertools
import os
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sandbox_kinds import LIMITS, PYTHON

from apigauge.sandboxes.docker import DockerSandbox
from apigauge.sandboxes.process import ProcessSandbox
from apigauge.sandboxes.verdict import Program

# `make soak` runs ten thousand.
PROGRAMS = int(os.environ.get("APIGAUGE_SOAK", "2000"))
WARM_UP = 500
CHILD = """
    if os.fork() == 0:
        for _ in range(100_000): pass
        os._exit(0)
    os.sched_yield()
"""
LIMITED = """
import contextlib, os, resource
for call in (
    lambda: resource.prlimit(os.getppid(), resource.RLIMIT_NOFILE, (4, 4)),
    lambda: os.sched_setaffinity(os.getppid(), {0}),
    lambda: os.setpriority(os.PRIO_PROCESS, os.getppid(), 19),
):
    with contextlib.suppress(OSError): call()
"""
HOSTILE = (
    (
        "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        while True: pass\n    os._exit(0)\n",
        "passed",
    ),
    (
        "import os\nfor i in range(100): open(f'/tmp/{i}', 'w').close(); open(f'/dev/shm/{i}', 'w').close()\nos._exit(0)",
        "early_exit",
    ),
    ("import os\nos.makedirs('a/' * 100)\nos.chmod('a', 0)\nos.kill(os.getpid(), 9)", "killed"),
    ("import os\nos.write(1, b'x' * 3_000_000)", "output_limit"),
    (
        'import os\nfor fd in range(256):\n    try: os.write(fd, b\'{"status": "passed"}\')\n    except OSError: pass\nos._exit(0)',
        "early_exit",
    ),
    (
        "import threading\nfor _ in range(100): threading.Thread(target=threading.Event().wait, daemon=True).start()",
        "process_limit",
    ),
    (
        "import gc\nfor found in gc.get_objects():\n    if isinstance(found, dict): found.pop('Supervisor', None)\nraise SystemExit(0)\nx = 1",
        "early_exit",
    ),
    ("import signal\nsignal.raise_signal(signal.SIGSTOP)", "killed"),
    # Without a user of its own it may, and the first process of a namespace does not notice.
    ("import os\nos.kill(1, 9); os.kill(1, 19)", "failed passed"),
    ("class E(Exception):\n    def __str__(self): return 'x' * 10_000_000\nraise E", "failed"),
    (
        "import os, signal\nsignal.signal(signal.SIGCHLD, signal.SIG_IGN)\nwhile True:\n" + CHILD,
        "timeout process_limit",
    ),
    (LIMITED, "passed"),
    (
        "import os\nfor n in range(9):\n    f = os.memfd_create('x')\n    os.write(f, b'x' * (60 << 20))\nwhile True: pass",
        "memory",
    ),
    ("x = b'x' * (700 << 20)\nwhile True: pass", "memory"),
    (
        "import socket\ns = socket.create_server(('127.0.0.1', 4567))\nc = socket.create_connection(s.getsockname())\ns.accept()[0].close()",
        "passed",
    ),
    ("import os\nn = 'w' * 250\nfor _ in range(40): os.mkdir(n); os.chdir(n)", "passed failed"),
    ("import os\nopen('/proc/self/oom_score_adj', 'w').write('0')\nos._exit(0)", "early_exit failed"),
    ("x = 1\n" * 5_000 + "print('\\x1b[2Jpassed, stage 4')", "passed"),
)
HARMLESS = (
    ("x = 1", None, 2),
    ("import json\njson.loads('[1, 2]')", "json.loads", 4),
    ("import collections\nprint(collections.Counter('abc'))", "collections.Counter", 4),
    ("open('file', 'w').write('x')", None, 2),
)


def containers(sandbox):
    """Container ids and their supervisors' process ids on this host."""
    return {one._id: one._api.inspect_container(one._id)["State"]["Pid"] for one in sandbox._all}


def resident(pid):
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def soak(sandbox, before=lambda: None):
    """Runs them all; returns what went wrong. ``before`` is called when the workers are warm."""
    wrong, done = [], itertools.count()
    lock = threading.Lock()

    def work(number):
        if number % 5 == 0:
            source, expected = HOSTILE[number // 5 % len(HOSTILE)]
            verdict = sandbox.run(Program(source))
            right = verdict.status in expected.split()
        else:
            source, callee, stage = HARMLESS[number % len(HARMLESS)]
            verdict = sandbox.run(Program(source, callee))
            right = (verdict.status, verdict.stage) == ("passed", stage)
        with lock:
            next(done)
            if not right:
                wrong.append((source, verdict))

    with ThreadPoolExecutor(2) as executor:
        list(executor.map(work, range(WARM_UP)))
        before()
        list(executor.map(work, range(WARM_UP, PROGRAMS)))
    assert next(done) == PROGRAMS
    return wrong


@pytest.mark.docker
@pytest.mark.slow
def test_thousands_of_programs_leave_nothing():
    sandbox = DockerSandbox(PYTHON, LIMITS, 2)
    memory = {}
    try:
        assert soak(sandbox, lambda: memory.update({pid: resident(pid) for pid in containers(sandbox).values()})) == []
        for container, pid in containers(sandbox).items():
            assert resident(pid) <= 1.1 * memory.get(pid, sys.maxsize)
            assert len(sandbox._client.api.top(container)["Processes"]) == 1
            root = Path(f"/proc/{pid}/root")
            assert [list((root / folder).iterdir()) for folder in ("box", "tmp", "dev/shm")] == [[], [], []]
    finally:
        sandbox.close()


@pytest.mark.bwrap
@pytest.mark.slow
def test_thousands_of_programs_in_processes_cost_no_verdict():
    sandbox = ProcessSandbox(PYTHON, LIMITS, 2)
    try:
        assert soak(sandbox) == []
    finally:
        sandbox.close()
