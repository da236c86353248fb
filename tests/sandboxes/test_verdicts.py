"""The verdict of each kind of sandbox on a program: status, category, stage."""

import textwrap
import time

import pytest
from sandbox_kinds import open_kind

from apigauge.sandboxes.verdict import CATEGORIES, STATUSES, Program, Verdict

# Program, callee, status, category, stage.
CASES = {
    "looks at its own stack": (
        "import inspect\ndef f(): return inspect.stack()\nassert f()[0].function == 'f'",
        "f",
        "passed",
        None,
        2,
    ),
    "ends": ("x = 1", None, "passed", None, 2),
    "calls and ends": ("import json\njson.loads('1')", "json.loads", "passed", None, 4),
    "calls and then fails": ("import json\njson.loads('1')\n1 / 0", "json.loads", "failed", "other", 3),
    "calls it by a name of its own": ("import json\nread = json.loads\nread('1')", "read", "passed", None, 4),
    "calls it by a name of its own for the module": (
        "import json as j\nx = j\nx.loads('1')",
        "x.loads",
        "passed",
        None,
        4,
    ),
    "has two functions by one name": (
        "import json\nread = json.load\nread = json.loads\nread('1')",
        "read",
        "passed",
        None,
        2,
    ),
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
    "calls in a thread that another thread's call outlasts": (
        "import threading, time\nt = threading.Thread(target=lambda: time.sleep(0.1))\nt.start()\ntime.sleep(0.4)\nt.join()",
        "time.sleep",
        "passed",
        None,
        4,
    ),
    "calls from many threads at once": (
        "import json, threading\nt = [threading.Thread(target=lambda: [json.loads('1') for _ in range(50)]) for _ in range(8)]\n[x.start() for x in t]\n[x.join() for x in t]",
        "json.loads",
        "passed",
        None,
        4,
    ),
    "calls in vain many times before it returns": (
        "import json\nfor i in range(50):\n    try: json.loads('{')\n    except ValueError: pass\njson.loads('1')",
        "json.loads",
        "passed",
        None,
        4,
    ),
    "calls a class that it also asks about": (
        "from pathlib import Path\np = Path('x')\nassert isinstance(p, Path)\nclass Own(type(p)): pass",
        "Path",
        "passed",
        None,
        4,
    ),
    "calls a class of C that it also inherits from": (
        "from datetime import datetime\nclass Own(datetime): pass\nassert isinstance(datetime.now(), datetime)\ndatetime(2020, 1, 1)",
        "datetime",
        "passed",
        None,
        4,
    ),
    "calls a method of a class of C": (
        "from datetime import datetime\ndatetime.now()",
        "datetime.now",
        "passed",
        None,
        4,
    ),
    "calls a builtin class that all use": ("x = dict(a=1)\nassert isinstance(x, dict)", "dict", "passed", None, 4),
    "imports one of two": (
        "try:\n    from json import loads\nexcept ImportError:\n    from simplejson import loads\nloads('1')",
        "loads",
        "passed",
        None,
        4,
    ),
    "imports for its types only": (
        "from json import loads\nfrom typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from fancy import loads\nloads('1')",
        "loads",
        "passed",
        None,
        4,
    ),
    "opens a file and imports os": ("import os\nopen('x', 'w').close()", "open", "passed", None, 4),
    "is traced while it calls": (
        "import json, sys\nsys.settrace(lambda *_: None)\njson.loads('1')\nsys.settrace(None)",
        "json.loads",
        "passed",
        None,
        4,
    ),
    "forks a child that runs to the end": (
        "import os\nif os.fork():\n    os.wait()\nelse:\n    print('child')",
        None,
        "passed",
        None,
        2,
    ),
    "forks a child that fails": (
        "import os\nif os.fork():\n    os.wait()\nelse:\n    raise ValueError",
        None,
        "passed",
        None,
        2,
    ),
    "has a mark of its byte order": ("\ufeffx = 1", None, "passed", None, 2),
    "recurses as deep as Python lets it": ("def f(n): return n and f(n - 1)\nf(990)", None, "passed", None, 2),
    "asks who it is": (
        "import getpass, sys\nassert getpass.getuser() and sys.stdout.mode == 'w' and __annotations__ == {}",
        None,
        "passed",
        None,
        2,
    ),
    "raises its last exit": (
        "def main(): return 0\nif __name__ == '__main__':\n    raise SystemExit(main())",
        None,
        "passed",
        None,
        2,
    ),
    "leaves at either end": (
        "import sys\nif len(sys.argv) > 1:\n    sys.exit(1)\nelse:\n    sys.exit(0)",
        None,
        "passed",
        None,
        2,
    ),
    "leaves by a function of its own": ("def exit(code): raise RuntimeError\nexit(0)", None, "failed", "other", 2),
    "leaves with a float": ("import sys\nsys.exit(0.0)", None, "early_exit", None, 2),
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


def test_a_verdict_says_where_and_why(sandbox):
    verdict = sandbox.run(Program("import sys\nprint('out')\nprint('err', file=sys.stderr)\nundefined"))
    assert verdict.reason == "NameError: name 'undefined' is not defined"
    assert verdict.evidence["line"] == 4
    assert verdict.evidence["stdout"] == "out\n"
    first, _, *_, last = verdict.evidence["stderr"].splitlines()
    assert (first, last) == ("err", verdict.reason)


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


def test_what_a_program_writes_to_the_shared_page_is_gone_for_the_next(sandbox):
    """The page is found through the runner's constants; what is on it must be this program's alone."""
    source = textwrap.dedent("""
        import functools, gc, types
        codes = [one.__code__ for one in gc.get_objects() if isinstance(one, types.FunctionType)]
        for value in (value for code in codes if code.co_filename == "<apigauge>" for value in code.co_consts):
            for part in getattr(value, "args", ()) if isinstance(value, functools.partial) else ():
                if page := getattr(part, "_page", None):
                    print(any(page[8000:]))
                    page[40_000:40_006] = b"SECRET"
    """)
    assert [sandbox.run(Program(source)).evidence["stdout"].split("\n")[0] for _ in range(2)] == ["False", "False"]


def test_a_crowd_that_wakes_together_is_idle(sandbox):
    """Each computes next to nothing; added up, their waiting for a core would look like work for ever."""
    source = textwrap.dedent("""
        import os, time
        begin = time.monotonic() + 0.2
        for _ in range(20):
            if os.fork() == 0:
                for tick in range(2500):
                    time.sleep(max(0, begin + 0.04 * tick - time.monotonic()))
                os._exit(0)
        time.sleep(100)
    """)
    started = time.monotonic()
    assert sandbox.run(Program(source)).status == "timeout"
    assert time.monotonic() - started < 80


def test_the_order_of_sets_is_the_same_in_every_worker():
    source = "print(list({'a', 'b', 'c', 'd', 'e', 'f'}))"
    outputs = set()
    for _ in range(3):
        opened = open_kind("bare")
        outputs.add(opened.run(Program(source)).evidence["stdout"])
        opened.close()
    assert len(outputs) == 1


def test_verdicts_are_compared_without_evidence():
    assert Verdict("passed", 4, evidence={"cpu_seconds": 1}) == Verdict("passed", 4)
    assert Verdict("passed", 4) != Verdict("passed", 3)
