"""Which calls of a program are recorded, and with what: the program's own, whatever name it gives the function."""

import shutil

import pytest
from sandbox_kinds import open_kind

from apigauge.sandboxes import worker_channel
from apigauge.sandboxes.verdict import ObservedCall, Program

FUNCTIONS = (
    "collections.Counter",
    "elsewhere.Template",
    "fractions.Fraction.from_float",
    "itertools.combinations",
    "json.load",
    "json.loads",
    "textwrap.wrap",
    "unittest.IsolatedAsyncioTestCase",
    "wrap",
)


def loads(*texts, **keywords):
    return ObservedCall("json.loads", tuple(map(repr, texts)), {name: repr(value) for name, value in keywords.items()})


ONE = [loads("1")]
WRAP = ObservedCall("textwrap.wrap", ("'abc'",), {"width": "20"})
PAIRS = [ObservedCall("itertools.combinations", ("'abc'",), {"r": "2"})]
COUNTER = [ObservedCall("collections.Counter", ("'ab'",), {})]
TEMPLATE = [ObservedCall("string.Template", ("'a'",), {})]
# A class that its module makes when it is asked for.
LAZY = [ObservedCall("unittest.IsolatedAsyncioTestCase", (), {})]
FRACTION = [ObservedCall("fractions.Fraction.from_float", ("0.5",), {})]

EQUAL = """
import json
class S(str):
    def __eq__(self, other): return other == 's'
    def __hash__(self): return hash('s')
json.loads(**{S('x'): '1'})
"""

CASES = {
    "calls it in full": ("import json\njson.loads('1')", ONE),
    "imports it by name": ("from json import loads\nloads('1')", ONE),
    "imports it by another name": ("from json import loads as l\nl('1')", ONE),
    "imports its module by another name": ("import json as j\nj.loads('1')", ONE),
    "imports all": ("from json import *\nloads('1')", ONE),
    "imports on one line": ("import os; from json import loads; loads('1')", ONE),
    "imports in a try": ("try: import json as j\nexcept ImportError: raise\nj.loads('1')", ONE),
    "imports in a function": ("def f():\n    import json\n    return json.loads('1')\nf()", ONE),
    "gives it another name": ("import json\nload = json.loads\nload('1')", ONE),
    "gives its module another name": ("import json\nj = json\nj.loads('1')", ONE),
    "keeps it in a dictionary": ("import json\nf = {'read': json.loads}\nf['read']('1')", ONE),
    "keeps it as an attribute": (
        "import json\nclass A:\n    def __init__(self): self.f = json.loads\nA().f('1')",
        ONE,
    ),
    "gets it by a computed name": ("import json\ngetattr(json, 'lo' + 'ads')('1')", ONE),
    "puts the name of a lazy class together": (
        "import unittest\ngetattr(unittest, 'IsolatedAsyncio' + 'TestCase')()",
        LAZY,
    ),
    "formats the name of a lazy class": (
        "import unittest\nx = 'test'\ngetattr(unittest, f'IsolatedAsyncio{x.title()}Case')()",
        LAZY,
    ),
    "gets it from the module's names": ("import json\nvars(json)['lo' 'ads']('1')", ONE),
    "imports by a computed name": ("import importlib\nimportlib.import_module('js' + 'on').loads('1')", ONE),
    "evaluates a text": ("import json\nexec('json.lo' + 'ads(\"1\")')", ONE),
    "binds it in advance": ("import functools, json\nfunctools.partial(json.loads, '1')()", ONE),
    "maps it": ("import json\nlist(map(json.loads, ['1', '2']))", [loads("1"), loads("2")]),
    "passes a dictionary": ("import textwrap\ncfg = {'width': 20}\ntextwrap.wrap('abc', **cfg)", [WRAP]),
    "passes a tuple": ("import json\nargs = ('1',)\njson.loads(*args)", ONE),
    "computes an argument": ("import json\nn = 1\njson.loads(f'{n}')", ONE),
    "overrides a default": ("import json\ndef f(s='2'):\n    return json.loads(s)\nf('1')", ONE),
    "calls it in a thread": ("import json, threading\nthreading.Thread(target=lambda: json.loads('1')).start()", ONE),
    "has a thread call it": ("import json, threading\nthreading.Thread(target=json.loads, args=('1',)).start()", ONE),
    "has a pool call it": (
        "import json, concurrent.futures as c\nwith c.ThreadPoolExecutor() as pool: pool.submit(json.loads, '1')",
        ONE,
    ),
    "starts a thread without a frame": (
        "import _thread, json, time\n_thread.start_new_thread(json.loads, ('1',))\ntime.sleep(0.2)",
        ONE,
    ),
    "calls it in vain": ("import json\ntry: json.loads('{')\nexcept ValueError: pass", [loads("{")]),
    "calls it and fails": ("import json\njson.loads('{')", [loads("{")]),
    "calls it and leaves": ("import json, os\njson.loads('1')\nos._exit(0)", ONE),
    "passes what the function refuses": ("import json\njson.loads('1', wrong=2)", [loads("1", wrong=2)]),
    "calls it twice in the same way": ("import json\njson.loads('1')\njson.loads('1')", ONE),
    "passes an object": (
        "import json\njson.loads('1', object_hook=print)",
        [ObservedCall("json.loads", ("'1'",), {"object_hook": "..."})],
    ),
    "passes a text of a class of its own": (
        "import json\nclass S(str): pass\njson.loads(S('1'))",
        [ObservedCall("json.loads", ("...",), {})],
    ),
    "passes a keyword that is equal to another": (EQUAL, []),
    "passes what is long": ("import json\njson.loads('1' * 1001)", [ObservedCall("json.loads", ("...",), {})]),
    "passes an odd keyword": (
        "import json\ntry: json.loads('1', **{'a-b': 2})\nexcept TypeError: pass",
        [loads("1", **{"a-b": 2})],
    ),
    "calls a class": ("from collections import Counter\nCounter('ab')", COUNTER),
    "calls a class of its own": ("from collections import Counter\nclass C(Counter): pass\nC('ab')", COUNTER),
    "calls it for its own class": (
        "from collections import Counter\nclass C(Counter):\n    def __init__(self): super().__init__('ab')\nC()",
        COUNTER,
    ),
    "calls a method of a class": ("from fractions import Fraction\nFraction.from_float(0.5)", FRACTION),
    "calls a method of its own class": (
        "from fractions import Fraction\nclass F(Fraction): pass\nF.from_float(0.5)",
        FRACTION,
    ),
    "calls a class written in C": ("import itertools\nitertools.combinations('abc', r=2)", PAIRS),
    "calls a class written in C by another name": (
        "from itertools import combinations as c\npairs = c\npairs('abc', r=2)",
        PAIRS,
    ),
    "has a class written in C as a default": (
        "import itertools\ndef f(*x, c=itertools.combinations): return c(*x, r=2)\nf('abc')",
        PAIRS,
    ),
    "calls two functions": (
        "import json, textwrap\njson.loads('1')\ntextwrap.wrap('abc', width=20)",
        [loads("1"), WRAP],
    ),
    "calls a class of the name that another package has": ("from string import Template as T\nT('a')", TEMPLATE),
    "calls it as that package's": ("import string\nstring.Template('a')", TEMPLATE),
    # What is no call of the program's.
    "has it in a dead branch": ("import json\nif False:\n    json.loads('1')", []),
    "has it in a function that it never calls": ("import json\ndef f(): json.loads('1')", []),
    "leaves before it": ("import json, sys\nsys.exit()\njson.loads('1')", []),
    "has it in a text": ("import json\nx = \"json.loads('1')\"", []),
    "has it in a comment": ("import json\n# json.loads('1')", []),
    "has a library call it": (
        "import io, json\njson.load(io.StringIO('1'))  # which calls json.loads",
        [ObservedCall("json.load", ("...",), {})],
    ),
    "has a function of the same name": ("import json\ndef loads(s): pass\nloads('1')", []),
    "has replaced it": ("import json\njson.loads = len\njson.loads('1')", []),
    "calls a library's subclass": (
        "import collections, enum\nclass C(collections.Counter): pass\nC.__module__ = 'enum'\nC('ab')",
        [],
    ),
    "does not parse": ("import json\njson.loads('1'", []),
    "misses a package": ("import json, no_such_package\njson.loads('1')", []),
}


@pytest.mark.parametrize("name", CASES)
def test_a_program_that(sandbox, name):
    source, calls = CASES[name]
    assert list(sandbox.run(Program(source, None, FUNCTIONS)).calls) == calls


def test_recording_changes_no_verdict(sandbox):
    """The one wrapper serves both: that the call is recorded before it is made must not count as its return."""
    for source, _ in CASES.values():
        plain, recorded = (sandbox.run(Program(source, "json.loads", functions)) for functions in ((), FUNCTIONS))
        assert (plain.status, plain.stage, plain.category) == (recorded.status, recorded.stage, recorded.category)
        assert plain.calls == ()


def test_what_is_recorded_is_bounded(sandbox):
    source = "import json\nfor number in range(1000): json.loads(str(number))"
    verdict = sandbox.run(Program(source, "json.loads", FUNCTIONS))
    assert (verdict.stage, list(verdict.calls)) == (4, [loads(str(number)) for number in range(64)])


def test_many_threads_lose_no_call(sandbox):
    source = (
        "import json, threading\n"
        "threads = [threading.Thread(target=lambda n=n: json.loads(str(n))) for n in range(20)]\n"
        "for t in threads: t.start()\nfor t in threads: t.join()"
    )
    calls = sandbox.run(Program(source, "json.loads", FUNCTIONS)).calls
    assert sorted(call.positional for call in calls) == sorted((repr(str(n)),) for n in range(20))


@pytest.fixture(scope="module")
def speaking(tmp_path_factory):
    """A sandbox whose supervisor cannot read a child's frames, as under another Python than 3.11."""
    folder = tmp_path_factory.mktemp("worker")
    shutil.copytree(worker_channel._FOLDER, folder, dirs_exist_ok=True)
    watch = folder / "watch.py"
    text = watch.read_text()
    assert "_LAYOUTS.get(minor_version)" in text
    watch.write_text(text.replace("_LAYOUTS.get(minor_version)", "None"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(worker_channel, "_FOLDER", folder)
        opened = open_kind("bare")
    yield opened
    opened.close()


@pytest.mark.parametrize("name", CASES)
def test_where_frames_cannot_be_read_the_program_is_taken_at_its_word(speaking, name):
    source, calls = CASES[name]
    assert list(speaking.run(Program(source, None, FUNCTIONS)).calls) == calls


def test_where_frames_cannot_be_read_the_call_still_counts_only_when_it_has_returned(speaking):
    failed = speaking.run(Program("import json\njson.loads('{')", "json.loads", FUNCTIONS))
    assert (failed.stage, list(failed.calls)) == (2, [loads("{")])
    assert speaking.run(Program("import json\njson.loads('1')", "json.loads", FUNCTIONS)).stage == 4
    assert any("word" in caveat for caveat in speaking.describe()["caveats"])


@pytest.mark.bwrap
def test_a_function_that_compiles_itself_at_its_first_call_is_observed():
    """Nearly all of networkx's do; they give themselves another body, which programs must not do."""
    sandbox = open_kind("process")
    try:
        verdict = sandbox.run(
            Program(
                "import networkx as nx\nprint(nx.triangles(nx.icosahedral_graph()))",
                "nx.triangles",
                ("networkx.icosahedral_graph", "networkx.triangles"),
            )
        )
    finally:
        sandbox.close()
    assert (verdict.status, verdict.stage, verdict.reason) == ("passed", 4, "")
    assert [call.function for call in verdict.calls] == ["networkx.icosahedral_graph", "networkx.triangles"]
