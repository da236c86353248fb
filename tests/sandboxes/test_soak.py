"""Ten thousand programs, one in five hostile, through the same containers: nothing grows, nothing is left."""

import itertools
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sandbox_kinds import LIMITS, PYTHON

from apigauge.sandboxes.docker import DockerSandbox
from apigauge.sandboxes.verdict import Program

PROGRAMS = 10_000
WARM_UP = 500
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
    ("import os\nos.kill(1, 9); os.kill(1, 19)", "failed"),
    ("class E(Exception):\n    def __str__(self): return 'x' * 10_000_000\nraise E", "failed"),
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


@pytest.mark.docker
@pytest.mark.slow
def test_ten_thousand_programs_leave_nothing():
    sandbox = DockerSandbox(PYTHON, LIMITS, 2)
    wrong, done = [], itertools.count()
    lock = threading.Lock()

    def work(number):
        if number % 5 == 0:
            source, expected = HOSTILE[number // 5 % len(HOSTILE)]
            verdict = sandbox.run(Program(source))
            right = verdict.status == expected
        else:
            source, callee, stage = HARMLESS[number % len(HARMLESS)]
            verdict = sandbox.run(Program(source, callee))
            right = (verdict.status, verdict.stage) == ("passed", stage)
        with lock:
            next(done)
            if not right:
                wrong.append((source, verdict))

    try:
        with ThreadPoolExecutor(2) as executor:
            list(executor.map(work, range(WARM_UP)))
            before = containers(sandbox)
            memory = {pid: resident(pid) for pid in before.values()}
            list(executor.map(work, range(WARM_UP, PROGRAMS)))
        assert wrong == []
        assert next(done) == PROGRAMS
        assert containers(sandbox) == before  # none was replaced, which would hide what it had gathered
        for container, pid in before.items():
            assert resident(pid) <= 1.1 * memory[pid]
            assert len(sandbox._client.api.top(container)["Processes"]) == 1
            root = Path(f"/proc/{pid}/root")
            assert [list((root / folder).iterdir()) for folder in ("box", "tmp", "dev/shm")] == [[], [], []]
    finally:
        sandbox.close()
