"""Thousands of programs, one in five hostile, through the same workers: nothing grows, nothing is left, none is lost."""

import contextlib
import itertools
import os
import shutil
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sandbox_kinds import LIMITS, PYTHON

from apigauge.sandboxes.docker import DockerSandbox
from apigauge.sandboxes.process import ProcessSandbox
from apigauge.sandboxes.verdict import Program

# `make soak` runs ten thousand; 200,000 take hours. With `-s` the samples are printed.
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
    # On a busy machine writing as much takes the second of CPU time that these limits leave.
    (
        "import os\nfor n in range(9):\n    f = os.memfd_create('x')\n    os.write(f, b'x' * (60 << 20))\nwhile True: pass",
        "memory timeout",
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


SAMPLES = 20


def sample(containers):
    """What could grow on this machine: memory and descriptors of this process, its children, containers, temporary files."""
    own = Path("/proc/self")
    statuses = (path.read_text(errors="replace") for path in alive(Path("/proc").glob("[0-9]*/stat")))
    parents = [status.rpartition(")")[2].split()[1] for status in statuses]
    return {
        "memory": resident("self"),
        "descriptors": len(list((own / "fd").iterdir())),
        "processes": parents.count(str(os.getpid())),
        "containers": containers(),
        "files": len(list(Path(tempfile.gettempdir()).iterdir())),
    }


@pytest.fixture
def own_temporary(monkeypatch):
    """A folder for temporary files that nobody else on the machine uses; its name is short, as those of sockets must be."""
    folder = tempfile.mkdtemp(prefix="s")
    monkeypatch.setattr(tempfile, "tempdir", folder)
    yield
    shutil.rmtree(folder)


def alive(paths):
    """Those whose process has not ended since they were listed."""
    for path in paths:
        with contextlib.suppress(OSError):
            path.read_bytes()
            yield path


def growth(samples):
    """What has grown since the workers were warm: memory by more than a tenth, or anything else at all."""
    first, last = samples[0], samples[-1]
    grown = {name: (first[name], last[name]) for name in first if name != "memory" and last[name] > first[name] + 2}
    if last["memory"] > 1.1 * first["memory"] + (16 << 20):
        grown["memory"] = first["memory"], last["memory"]
    return grown


def soak(sandbox, before=lambda: None, containers=lambda: 0):
    """Runs them all; returns what went wrong, what has grown among it. ``before`` is called when the workers are warm."""
    wrong, done, samples = [], itertools.count(), []
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
        size = max((PROGRAMS - WARM_UP) // SAMPLES, 1)
        for start in range(WARM_UP, PROGRAMS, size):
            samples.append(sample(containers))
            print(f"after {start} programs: {samples[-1]}")
            list(executor.map(work, range(start, min(start + size, PROGRAMS))))
        samples.append(sample(containers))
        print(f"after {PROGRAMS} programs: {samples[-1]}")
    assert next(done) == PROGRAMS
    return wrong + [one for one in [growth(samples)] if one]


@pytest.mark.docker
@pytest.mark.slow
def test_thousands_of_programs_leave_nothing(own_temporary):
    sandbox = DockerSandbox(PYTHON, LIMITS, 2)
    memory = {}
    try:

        def warm():
            memory.update({pid: resident(pid) for pid in containers(sandbox).values()})

        assert soak(sandbox, warm, lambda: len(sandbox._all)) == []
        for container, pid in containers(sandbox).items():
            assert resident(pid) <= 1.1 * memory.get(pid, sys.maxsize)
            assert len(sandbox._client.api.top(container)["Processes"]) == 1
            root = Path(f"/proc/{pid}/root")
            assert [list((root / folder).iterdir()) for folder in ("box", "tmp", "dev/shm")] == [[], [], []]
    finally:
        sandbox.close()


@pytest.mark.bwrap
@pytest.mark.slow
def test_thousands_of_programs_in_processes_cost_no_verdict(own_temporary):
    sandbox = ProcessSandbox(PYTHON, LIMITS, 2)
    try:
        assert soak(sandbox) == []
    finally:
        sandbox.close()


def test_growth_is_noticed():
    first = {"memory": 100 << 20, "descriptors": 20, "processes": 2, "containers": 2, "files": 3}
    assert growth([first, first | {"memory": 120 << 20, "files": 5}]) == {}
    assert growth([first, first | {"memory": 140 << 20}]) == {"memory": (100 << 20, 140 << 20)}
    assert growth([first, first | {"descriptors": 23, "containers": 9}]).keys() == {"descriptors", "containers"}
