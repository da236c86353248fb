"""Verdicts do not depend on how busy the machine is."""

import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from sandbox_kinds import KINDS, open_kind

from apigauge.sandboxes.verdict import MIB, Limits, Program


def mixed():
    """Two hundred programs of every kind of ending."""
    kinds = (
        ("x = sum(i * i for i in range(60_000))", "passed"),
        ("import json\njson.loads('{')", "failed"),
        ("import time\ntime.sleep(0.3)", "passed"),
        ("import sys\nsys.exit(0)\nx = 1", "early_exit"),
        ("x = [0] * 2_000_000", "passed"),
        ("undefined", "failed"),
        (
            "import threading\nt = [threading.Thread(target=sum, args=(range(10 ** 5),)) for _ in range(4)]\n[x.start() for x in t]",
            "passed",
        ),
        ("import subprocess, sys\nsubprocess.run([sys.executable, '-c', 'x = 1'], check=True)", "passed"),
    )
    programs = [kinds[i % len(kinds)] for i in range(196)]
    return [*programs, ("while True: pass", "timeout"), ("import time\ntime.sleep(99)", "timeout")] * 1 + [
        ("import os\nos.kill(os.getpid(), 9)", "killed"),
        ("while True: print('x' * 10_000)", "output_limit"),
    ]


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS[:1])
def test_load_does_not_change_verdicts(kind):
    """200 programs, one at a time and at twice the cores, five times: a limit on wall time would fail here."""
    programs, expected = zip(*mixed(), strict=True)
    assert len(programs) == 200
    limits = Limits(cpu_seconds=2, idle_seconds=2, memory_bytes=256 * MIB, processes=32, disk_bytes=32 * MIB)
    for concurrency in (1, *[2 * (os.cpu_count() or 1)] * 5):
        opened = open_kind(kind, limits, concurrency)
        try:
            with ThreadPoolExecutor(concurrency) as executor:
                verdicts = list(executor.map(opened.run, map(Program, programs)))
        finally:
            opened.close()
        assert tuple(verdict.status for verdict in verdicts) == expected, concurrency
