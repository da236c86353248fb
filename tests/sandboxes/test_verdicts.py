"""What each kind of sandbox says of a program: status, category, stage."""

import textwrap
from concurrent.futures import ThreadPoolExecutor

import pytest
from sandbox_kinds import KINDS, LIMITS, PYTHON, open_kind

from apigauge.sandboxes.docker import DockerSandbox
from apigauge.sandboxes.verdict import CATEGORIES, MIB, STATUSES, Limits, Program, Verdict

# Program, callee, status, category, stage.
CASES = {
    "ends": ("x = 1", None, "passed", None, 2),
    "calls and ends": ("import json\njson.loads('1')", "json.loads", "passed", None, 4),
    "calls and then fails": ("import json\njson.loads('1')\n1 / 0", "json.loads", "failed", "other", 3),
    "call fails": ("import json\njson.loads('{')", "json.loads", "failed", "other", 2),
    "call fails and that is caught": (
        "import json\ntry: json.loads('{')\nexcept ValueError: pass",
        "json.loads",
        "passed",
        None,
        2,
    ),
    "never calls": ("import json", "json.loads", "passed", None, 2),
    "calls a function of its own with the same name": (
        "import json\nclass json: loads = int\njson.loads('1')",
        "json.loads",
        "passed",
        None,
        2,
    ),
    "replaces the function by its own": (
        "import json\njson.loads = int\njson.loads('1')",
        "json.loads",
        "passed",
        None,
        2,
    ),
    "lets a library call it": ("import json, io\njson.load(io.StringIO('1'))", "json.loads", "passed", None, 2),
    "calls by another name": ("from json import loads as read\nread('1')", "read", "passed", None, 4),
    "calls through a variable": ("import json\nf = json.loads\nf('1')", "json.loads", "passed", None, 4),
    "calls through map": ("import json\nlist(map(json.loads, ['1']))", "json.loads", "passed", None, 4),
    "calls in a helper": (
        "import json\ndef main():\n    return json.loads('1')\nif __name__ == '__main__':\n    main()",
        "json.loads",
        "passed",
        None,
        4,
    ),
    "calls in a thread": (
        "import json, threading\nt = threading.Thread(target=lambda: json.loads('1'))\nt.start()",
        "json.loads",
        "passed",
        None,
        4,
    ),
    "calls a class": ("from collections import Counter\nCounter('ab')", "Counter", "passed", None, 4),
    "calls a class written in C": (
        "import itertools\nitertools.combinations('ab', 2)",
        "itertools.combinations",
        "passed",
        None,
        4,
    ),
    "calls a subclass only": (
        "from collections import Counter\nclass C(Counter): pass\nC('ab')",
        "Counter",
        "passed",
        None,
        2,
    ),
    "calls a class method": (
        "import datetime\nfrom fractions import Fraction\nFraction.from_float(0.5)",
        "Fraction.from_float",
        "passed",
        None,
        4,
    ),
    "calls a builtin": ("sorted([2, 1])", "sorted", "passed", None, 4),
    "is named in full, imported by name": ("from textwrap import wrap\nwrap('a')", "textwrap.wrap", "passed", None, 4),
    "is named by name, imported in full": ("import textwrap\ntextwrap.wrap('a')", "wrap", "passed", None, 4),
    "calls in a submodule": ("import os.path as p\np.join('a', 'b')", "p.join", "passed", None, 4),
    "an attribute that is not there": ("import json\njson.read('1')", "json.read", "failed", "attribute", 2),
    "is not Python": ("x = (", None, "failed", "syntax", 0),
    "is Python 2": ("print 'x'", None, "failed", "syntax", 0),
    "has a null byte": ("x = 1\0", None, "failed", "syntax", 0),
    "has half a character": ("x = '\ud800'", None, "failed", "syntax", 0),
    "is empty": ("", None, "passed", None, 2),
    "returns outside a function": ("return 1", None, "failed", "syntax", 0),
    "imports what is not there": ("import no_such_package", None, "failed", "import", 1),
    "imports a name that is not there": ("from json import no_such_name", None, "failed", "import", 1),
    "would import what is not there": ("1 / 0\nimport no_such_package", None, "failed", "other", 1),
    "uses a name it never defines": ("model.fit()", None, "failed", "name", 2),
    "uses an attribute that is not there": ("'a'.push()", None, "failed", "attribute", 2),
    "an unknown keyword": ("import json\njson.loads('1', colour=1)", "json.loads", "failed", "arguments", 2),
    "too few arguments": ("def f(a): pass\nf()", None, "failed", "arguments", 2),
    "another type error": ("1 + 'a'", None, "failed", "other", 2),
    "an assertion": ("assert 1 == 2", None, "failed", "assertion", 2),
    "a file that is not there": ("open('image.jpg')", None, "failed", "input", 2),
    "a question to the user": ("input('name? ')", None, "failed", "input", 2),
    "a connection": ("import socket\nsocket.create_connection(('127.0.0.1', 9))", None, "failed", "network", 2),
    "leaves in the middle": ("import sys\nsys.exit(0)\nx = 1", None, "early_exit", None, 2),
    "leaves at its very end": ("import sys\nx = 1\nsys.exit(0)", None, "passed", None, 2),
    "leaves at its very end with main's value": (
        "import sys\ndef main(): return 0\nif __name__ == '__main__':\n    sys.exit(main())",
        None,
        "passed",
        None,
        2,
    ),
    "leaves at its very end with an error": ("import sys\nsys.exit('no')", None, "early_exit", None, 2),
    "leaves in a function": ("def main():\n    exit()\n    x = 1\nmain()", None, "early_exit", None, 2),
    "parses arguments it does not get": (
        "import argparse\np = argparse.ArgumentParser()\np.add_argument('x')\np.parse_args()",
        None,
        "early_exit",
        None,
        2,
    ),
    "dies without a word": ("import os\nos._exit(0)", None, "early_exit", None, 2),
    "is killed by itself": ("import os\nos.kill(os.getpid(), 9)", None, "killed", None, 2),
    "aborts": ("import os\nos.abort()", None, "killed", None, 2),
    "computes for ever": ("while True: pass", None, "timeout", None, 2),
    "computes for ever in C": ("sum(range(10 ** 15))", None, "timeout", None, 2),
    "computes for ever before it is compiled": ("x = " + "-" * 60 + "1", None, "passed", None, 2),
    "sleeps for ever": ("import time\ntime.sleep(1000)", None, "timeout", None, 2),
    "sleeps for ever after its call": (
        "import json, time\njson.loads('1')\ntime.sleep(1000)",
        "json.loads",
        "timeout",
        None,
        3,
    ),
    "waits for a lock for ever": (
        "import threading\nl = threading.Lock()\nl.acquire()\nl.acquire()",
        None,
        "timeout",
        None,
        2,
    ),
    "writes too much": ("while True: print('x' * 10_000)", None, "output_limit", None, 2),
    "leaves a thread to finish": (
        "import threading, time\nthreading.Thread(target=lambda: time.sleep(0.2)).start()",
        None,
        "passed",
        None,
        2,
    ),
    "reads its own source": (
        "import inspect, sys\nassert 'inspect' in inspect.getsource(sys.modules['__main__'])\ndef f(): pass\ninspect.getsource(f)",
        None,
        "passed",
        None,
        2,
    ),
    "uses the future": ("from __future__ import annotations\nx: no_such = 1", None, "passed", None, 2),
    "starts processes": (
        "import multiprocessing as m\ndef f(x): return x * x\nif __name__ == '__main__':\n    with m.Pool(2) as p: assert p.map(f, [1, 2]) == [1, 4]",
        None,
        "passed",
        None,
        2,
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_program_that(sandbox, name):
    source, callee, *expected = CASES[name]
    verdict = sandbox.run(Program(source, callee))
    assert [verdict.status, verdict.category, verdict.stage] == expected, verdict
    assert verdict.status in STATUSES
    assert verdict.category is None or verdict.category in CATEGORIES


@pytest.mark.docker
@pytest.mark.parametrize(
    "source",
    [
        "x = bytearray(10 ** 12)",
        "x = []\nwhile True: x.append(bytearray(10 ** 6))",
        "import os\nfor _ in range(4):\n    if not os.fork(): x = [bytearray(10 ** 6) for _ in range(150)]; os._exit(0)\nos.wait(); 1 / 0",
    ],
)
def test_memory(source):
    opened = open_kind("docker")
    try:
        assert opened.run(Program(source)).status in ("memory", "failed")
        assert opened.run(Program("x = bytearray(10 ** 7)")).status == "passed"
    finally:
        opened.close()


def test_a_verdict_says_where_and_why(sandbox):
    verdict = sandbox.run(Program("import sys\nprint('out')\nprint('err', file=sys.stderr)\nundefined"))
    assert verdict.reason == "NameError: name 'undefined' is not defined"
    assert verdict.evidence["line"] == 4
    assert (verdict.evidence["stdout"], verdict.evidence["stderr"]) == ("out\n", "err\n")


def test_every_program_starts_anew(sandbox):
    """Same random numbers, same order of sets, same environment, an empty folder: a verdict depends on nothing else."""
    source = textwrap.dedent("""
        import os, random, sys
        print(random.random(), list({'a', 'b', 'c', 'd'}), hash('x'), os.listdir('.'), len(sys.modules), sorted(os.environ))
        random.seed(); os.environ['X'] = '1'; open('left', 'w').close(); sys.modules['y'] = sys
    """)
    runs = {sandbox.run(Program(source)).evidence["stdout"] for _ in range(3)}
    assert len(runs) == 1
    assert "['program.py']" in runs.pop()


def test_the_order_of_sets_is_the_same_in_every_worker():
    source = "print(list({'a', 'b', 'c', 'd', 'e', 'f'}))"
    seen = set()
    for _ in range(3):
        opened = open_kind("bare")
        seen.add(opened.run(Program(source)).evidence["stdout"])
        opened.close()
    assert len(seen) == 1


@pytest.mark.docker
def test_a_flood_costs_the_host_no_more_than_its_limit():
    opened = open_kind("docker")
    try:
        verdict = opened.run(Program("import os\nwhile True: os.write(1, b'x' * 65536)"))
    finally:
        opened.close()
    assert verdict.status == "output_limit"
    assert verdict.evidence["output_bytes"] <= LIMITS.output_bytes + 1
    assert len(str(verdict.to_json())) < 10_000


@pytest.mark.docker
def test_the_manifest_says_all_that_a_verdict_depends_on():
    opened = open_kind("docker")
    about = opened.describe()
    again = DockerSandbox(PYTHON, LIMITS, 2)
    assert about == again.describe()
    opened.close()
    again.close()
    assert about["image"].startswith("sha256:")
    assert about["lock"] == PYTHON.lock_digest
    assert about["caveats"] == []
    assert Limits(**about["limits"]) == LIMITS


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
    import os

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


def test_verdicts_are_compared_without_evidence():
    assert Verdict("passed", 4, evidence={"cpu_seconds": 1}) == Verdict("passed", 4)
    assert Verdict("passed", 4) != Verdict("passed", 3)
