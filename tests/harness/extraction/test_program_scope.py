"""Which calls a program makes, and with what: by tables, and against what random programs really call."""

import ast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from random_programs import Writer, run

from apigauge.harness.extraction.program_scope import followed, live_calls
from apigauge.harness.extraction.program_state import MAX_STEPS
from apigauge.harness.extraction.program_values import UNKNOWN, plain

OPEN = "?"


def seen(program):
    """Each call of the library ``api`` in the order of the text: function, arguments, keywords; ``?`` is open."""
    return [
        (
            call.function.removeprefix("api."),
            [OPEN if one.is_open else plain(one.value) for one in call.positional],
            {name: OPEN if one.is_open else plain(one.value) for name, one in call.keywords},
        )
        for call in live_calls(program)
        if call.is_api and call.function.startswith("api.")
    ]


def arguments(program):
    """The arguments of the only call."""
    (call,) = seen(program)
    return [*call[1], *call[2].values()]


ALIASES = [
    "import api\nload = api.load\nload(1)",
    "import api.hub as h\nh.load(1)",
    "from api import hub\nhub.load(1)",
    "from api.hub import load as l\nl(1)",
    "from api.hub import (load,  # it (loads)\n    save)\nload(1)",
    "from api import *\nload(1)",
    "import os; from api import load; load(1)",
    "if True: import api as a; a.load(1)",
    "try: import api as a\nexcept ImportError: raise\na.load(1)",
    "try:\n    from api import load\nexcept ImportError:\n    load = None\nload(1)",
    "import importlib\nimportlib.import_module('api').load(1)",
    "__import__('api').load(1)",
    "import api\ngetattr(api, 'load')(1)",
    "import api\nfrom functools import partial\npartial(api.load, 1)()",
    "import api\nm = (\n    api\n    .hub  # :)\n    .load(1)\n    .eval()\n)",
    "import api\nm = api \\\n    .load(1)",
    "import api\ntable = {'a': api.load}\ntable['a'](1)",
    "import api\na, b = api.load, 1\na(b)",
    "import api\ndef wrap(f):\n    return f\nwrap(api.load)(1)",
    "import api\n@api.no_grad()\ndef make():\n    return api.load(1)\nmake()",
    "import api\nload: object = (lambda n: api.load(n))\nload(1)",
    "import api\neval('api.load(1)')",
    "import api\nexec('x = api.load(1)')",
]


@pytest.mark.parametrize("program", ALIASES)
def test_a_name_is_followed_to_the_function(program):
    (call,) = [call for call in seen(program) if call[1] or call[2]]
    assert call[0].rsplit(".", 1)[-1] == "load"
    assert call[1] == [1]


CONSTANTS = [
    ("n = 34", "f'resnet{n}'", "resnet34"),
    ("n = 4", "f'{n:02d}'", "04"),
    ("n = 'ab'", "f'{n:>4}|{n:.1}|{n!r}|{n!s}'", "  ab|a|'ab'|ab"),
    ("n = 'ab'", "f'{n=}'", "n='ab'"),
    ("n = 'ab'", "f'{n = !s}'", "n = ab"),
    ("w = 4; n = 'ab'", "f'{n:>{w}}'", "  ab"),
    ("", "'%s/%03d' % ('a', 7)", "a/007"),
    ("", "'{}/{1}'.format('a', 'b') if False else '{}-{n:02d}'.format('a', n=3)", "a-03"),
    ("", "'/'.join(['a', 'b'])", "a/b"),
    ("", "'resnet' + str(50)", "resnet50"),
    ("", "list((1, 2))", [1, 2]),
    ("d = {'a': {'b': 'x'}}", "d['a']['b']", "x"),
    ("d = {'a': 'x'}\nd['a'] = 'y'", "d['a']", "y"),
    ("d = dict(a='x')\nd.update(a='z')", "d.get('a')", "z"),
    ("l = ['a']\nl.append('b')", "l[-1]", "b"),
    ("l = [1, 2]\nm = l\nm.append(3)", "l", [1, 2, 3]),
    ("x = None", "x or 'y'", "y"),
    ("x = 1", "'a' if x else 'b'", "a"),
    ("x = 'resnet'\nx += '34'", "x", "resnet34"),
    ("x = 'a'\ny = x\nx = 'b'", "y", "a"),
    ("(x := 'a')", "x", "a"),
    ("*a, b = 'x', 'y', 'z'", "(a, b)", (["x", "y"], "z")),
    ("for x in ['only']:\n    pass", "x", "only"),
    ("for x in (4, 5):\n    pass", "x", 5),
    ("def f(w=16):\n    return w", "f(99)", 99),
    ("def f(w=16):\n    return w", "f(**{'w': 99})", 99),
    ("def f(*a, **k):\n    return a, k['z']", "f(1, z=2)", ((1,), 2)),
    ("class C:\n    w = 16", "C.w", 16),
    ("class C:\n    def __init__(self, w=16):\n        self.w = w", "C(99).w", 99),
    ("class A:\n    def __init__(self, w):\n        self.w = w\nclass B(A):\n    def __init__(self):\n        super().__init__(8)", "B().w", 8),
    ("class C:\n    @property\n    def w(self):\n        return 7", "C().w", 7),
    ("from dataclasses import dataclass\n@dataclass\nclass C:\n    w: int = 16", "C().w", 16),
    ("from dataclasses import dataclass\n@dataclass\nclass C:\n    w: int = 16", "C(w=3).w", 3),
    ("from enum import Enum\nclass E(Enum):\n    A = 'x'", "E.A.value", "x"),
    ("from enum import Enum\nclass E(str, Enum):\n    A = 'x'", "E.A", "x"),
    ("from collections import namedtuple\nP = namedtuple('P', 'a b')", "P('x', 'y').b", "y"),
    ("import argparse\np = argparse.ArgumentParser()\np.add_argument('-m', '--my-model', default='x')\na = p.parse_args()", "a.my_model", "x"),
    ("import argparse\np = argparse.ArgumentParser()\np.add_argument('--n', type=int, default='3')\na = p.parse_args()", "a.n", 3),
    ("import os", "os.environ.get('MODEL_ID', 'x')", "x"),
    ("import os", "os.path.join('a', 'b')", "a/b"),
    ("import json", "json.loads('{\"a\": [1]}')['a'][0]", 1),
    ("n = 0\ndef f():\n    global n\n    n = 5\nf()", "n", 5),
    ("def outer():\n    n = 1\n    def inner():\n        nonlocal n\n        n = 2\n    inner()\n    return n", "outer()", 2),
    ("match 'a':\n    case 'b':\n        x = 1\n    case y:\n        x = y", "x", "a"),
    ("try:\n    raise ValueError(99)\nexcept ValueError as e:\n    x = e.args[0]", "x", 99),
    ("import contextlib\nwith contextlib.nullcontext(99) as x:\n    pass", "x", 99),
]  # fmt: skip
OPENS = [
    ("import sys", "sys.argv[1]"),
    ("", "input()"),
    ("", "undefined"),
    ("import random", "random.choice(['a', 'b'])"),
    ("import os", "os.environ['HOME']"),
    ("import os", "os.environ.get('HOME', 'x')"),
    ("for x in ['a', 'b']:\n    if input():\n        break", "x"),
    ("x = 'a'\nif input():\n    x = 'b'", "x"),
    ("x = 'a'\nwhile input():\n    x = x + 'b'", "x"),
    ("x = 'a'\nfor i in range(int(input())):\n    x = 'b'", "x"),
    ("x = 'a'\ntry:\n    x = int(input())\nexcept ValueError:\n    x = 'b'", "x"),
    ("d = {'a': 'x'}\nd[input()] = 'y'", "d['a']"),
    ("l = ['x']\nimport random\nrandom.shuffle(l)", "l[0]"),
    ("x = 'a'\nglobals()['x'] = 'b'", "x"),
    ("x = 'a'\nexec(input())", "x"),
    ("x = 'a'\ndef f():\n    global x\n    x = 'b'\nimport threading\nthreading.Thread(target=f).start()", "x"),
    ("def f(n):\n    return n if n > 50 else f(n + 1)", "f(0)"),
    ("x = 'a' * 100_000", "x"),
    ("x = 9 ** 9 ** 9", "x"),
    ("import argparse\np = argparse.ArgumentParser()\np.add_argument('model')\na = p.parse_args()", "a.model"),
    ("class C:\n    pass\nc = C()\nsetattr(c, input(), 'x')\nc.a = 'y'", "c.a"),
]


@pytest.mark.parametrize(("before", "expression", "value"), CONSTANTS)
def test_an_argument_is_the_constant_that_python_passes(before, expression, value):
    program = f"import api\n{before}\napi.load({expression})\n"
    assert arguments(program) == [value]
    assert run(program, 0)[0][-1] == ("api.load", (value,), {})  # what the table says is what Python does


@pytest.mark.parametrize(("before", "expression"), OPENS)
def test_an_argument_that_depends_on_the_world_is_open(before, expression):
    assert arguments(f"import api\n{before}\napi.load({expression})\n") == [OPEN]


DEAD = [
    "if False:\n    api.load(1)",
    "if 0:\n    api.load(1)",
    "if True:\n    pass\nelse:\n    api.load(1)",
    "while False:\n    api.load(1)",
    "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    api.load(1)",
    "def unused():\n    return api.load(1)\nprint('done')",
    "class Unused:\n    def run(self):\n        api.load(1)\nprint('done')",
    "unused = lambda: api.load(1)\nprint('done')",
    "raise SystemExit\napi.load(1)",
    "exit()\napi.load(1)",
    "quit()\napi.load(1)",
    "import sys\nsys.exit(0)\napi.load(1)",
    "import os\nos._exit(0)\napi.load(1)",
    "assert False\napi.load(1)",
    "def f():\n    return 1\n    api.load(1)\nf()",
    "for x in []:\n    api.load(1)",
    "while True:\n    break\n    api.load(1)",
    "False and api.load(1)",
    "1 or api.load(1)",
    "def g():\n    yield api.load(1)\ng()",
    "# api.load(1)\n'api.load(1)'",
    "def end():\n    raise ValueError\nend()\napi.load(1)",
]
LIVE = [
    "if __name__ == '__main__':\n    api.load(1)",
    "def main():\n    api.load(1)\nif __name__ == '__main__':\n    main()",
    "import sys\ndef main():\n    api.load(1)\nif __name__ == '__main__':\n    sys.exit(main())",
    "import asyncio\nasync def main():\n    api.load(1)\nasyncio.run(main())",
    "import asyncio\nasync def one():\n    return api.load(1)\nasync def main():\n    await one()\nasyncio.run(main())",
    "list(map(lambda n: api.load(n), [1]))",
    "import threading\nthreading.Thread(target=lambda: api.load(1)).start()",
    "import concurrent.futures as cf\ndef work():\n    return api.load(1)\nwith cf.ThreadPoolExecutor() as ex:\n    ex.submit(work)",
    "import other\ndef predict(x):\n    return api.load(1)\nother.Interface(fn=predict).launch()",
    "import other\napp = other.App()\n@app.route('/')\ndef index():\n    return api.load(1)\napp.run()",
    "class Net:\n    def __init__(self):\n        self.rnn = api.load(1)\nNet()",
    "class Net:\n    @classmethod\n    def build(cls):\n        return cls()\n    def __init__(self):\n        api.load(1)\nNet.build()",
    "import other\nclass Net(other.Module):\n    def forward(self, x):\n        return api.load(1)\nNet()(2)",
    "for _ in ((yield_ := 1),):\n    api.load(1)",
    "def g():\n    yield api.load(1)\nnext(g())",
    "try:\n    raise ValueError\nexcept ValueError:\n    api.load(1)",
    "try:\n    pass\nfinally:\n    api.load(1)",
    "print(f'{api.load(1)}')",
    "match 'a':\n    case 'a':\n        api.load(1)",
    "import contextlib\nwith contextlib.suppress(ValueError):\n    raise ValueError\napi.load(1)",
]
SHADOWED = [
    "class api:\n    load = staticmethod(lambda *a: None)\napi.load(1)",
    "def load(*a):\n    pass\nload(1)",
    "import api\napi.load = print\napi.load(1)",
    "import api\nclass Fake:\n    def load(self, *a):\n        pass\napi.hub = Fake()\napi.hub.load(1)",
    "import api\nsetattr(api, 'load', print)\napi.load(1)",
    "from unittest import mock\nimport api\nwith mock.patch('api.load'):\n    api.load(1)",
    "import sys, api\nsys.modules['api'] = None\nimport api\napi.load(1)",
]


@pytest.mark.parametrize("program", DEAD)
def test_a_call_that_never_runs_is_not_seen(program):
    program = f"import api\n{program}\n"
    assert seen(program) == []
    if "os._exit" not in program:  # it would end the test as well
        assert run(program, 0)[0] == []


@pytest.mark.parametrize("program", LIVE)
def test_a_call_that_runs_is_seen(program):
    assert ("load", [1], {}) in seen(f"import api\n{program}\n")


@pytest.mark.parametrize("program", SHADOWED)
def test_what_the_program_puts_in_an_apis_place_is_not_the_api(program):
    assert seen(program) == []


def test_a_program_of_nothing_but_definitions_is_entered_with_its_defaults():
    program = "import api\nNAME = 'x'\ndef make(n, name=NAME):\n    return api.load(n, name)\n"
    assert seen(program) == [("load", [OPEN, "x"], {})]
    assert seen(program + "print('a script that does not call it')") == []


def test_splats_are_written_out():
    program = "import api\nargs = ('a', 1)\ncfg = {'z': 2}\napi.load(*args, **cfg, **{'y': 3})"
    assert seen(program) == [("load", ["a", 1], {"z": 2, "y": 3})]
    (call,) = live_calls("import api\napi.load(1, **unknown())")[:1]
    assert call.is_open


def test_a_call_made_twice_with_different_arguments_is_open_there_and_lists_both():
    (call,) = live_calls("import api\nfor n in ('a', 'b'):\n    api.load(1, n)")
    assert [one.is_open for one in call.positional] == [False, True]
    assert [[plain(one.value) for one in positional] for positional, _ in call.variants] == [[1, "a"], [1, "b"]]


def test_a_part_knows_the_call_that_it_is_handed_to():
    part, whole = live_calls("import api\nm = api.load(1).to('cuda')\nw = api.wrap([m], model=m)")
    assert [user.function for user in part.users] == ["api.wrap", "api.wrap"]
    assert part in whole.parts


@pytest.mark.parametrize(
    "program",
    [
        "import api\nm = api.load(1)\nm = api.load(2)",
        "import api\nm = api.load(1) or api.load(2)",
        "import api\nif input():\n    m = api.load(1)\nelse:\n    m = api.load(2)",
        "import api\nm = api.load(1) if input() else api.load(2)",
    ],
)
def test_a_call_that_takes_anothers_place_is_its_rival(program):
    first, second = (call for call in live_calls(program) if call.is_api)
    assert second in first.rivals


@pytest.mark.parametrize(
    "program",
    [
        "import api\nm = api.load(1)\nprint(m)\nm = api.load(2)",
        "import api\na = api.load(1)\nb = api.load(2)",
        "import api\ntry:\n    m = api.load(1)\nexcept Exception:\n    m = api.load(2)",
    ],
)
def test_a_call_beside_another_is_no_rival(program):
    assert not any(call.rivals for call in live_calls(program))


def disagreement(program, seed):
    """What a program really calls that was not read from its text; empty if nothing. An open argument is no mistake."""
    result = followed(program)
    assert result.machine.failure is None
    sites = {plain(dict(call.keywords)["site"].value): call for call in result.calls if "site" in dict(call.keywords)}
    recorded, has_ended = run(program, seed)
    for function, positional, keywords in recorded:
        call = sites.get(keywords["site"])
        if call is None:
            if result.machine.is_complete:
                return f"call {keywords['site']} is made"
            continue
        if call.function != function:
            return f"call {keywords['site']} is of {function}"
        if not call.is_open and (len(call.positional), {n for n, _ in call.keywords}) != (
            len(positional),
            set(keywords),
        ):
            return f"call {keywords['site']} has {positional} {keywords}"
        given = [*zip(call.positional, positional, strict=False)]
        given += [(one, keywords[name]) for name, one in call.keywords if name in keywords]
        for one, value in given:
            if plain(one.value) is not UNKNOWN and repr(plain(one.value)) != repr(value):
                return f"call {keywords['site']} has {value!r}, not {plain(one.value)!r}"
    made = {keywords["site"] for _, _, keywords in recorded}
    if has_ended and (never := [site for site, call in sites.items() if call.is_certain and site not in made]):
        return f"calls {never} are never made"
    return ""


@given(st.integers(0, 10**9), st.integers(0, 5))
@settings(max_examples=100, deadline=None)
def test_no_random_program_calls_what_was_not_read_from_it(seed, values):
    program = Writer(seed).program()
    assert disagreement(program, values) == "", program


def test_most_arguments_of_random_programs_are_read():
    """Else the property above would hold of a reader that follows nothing."""
    known = total = 0
    for seed in range(60):
        for call in live_calls(Writer(seed).program()):
            total += len(call.positional)
            known += sum(plain(one.value) is not UNKNOWN for one in call.positional)
    assert total > 200
    assert known / total > 0.6


TOKENS = st.sampled_from(
    [
        *("(", ")", "[", "]", "{", "}", ":", "\n", "    ", "*", "**", "=", ".", "lambda x: ", "yield ", "await ", "f'{x!r:>{w}}'"),
        *("@x\n", "def f(): ", "class A(B): ", "import x\n", "from y import *\n", "global x\n", "del x\n", "try:\n  x\nexcept: y\n"),
        *("with x as y: ", "match x:\n case y: z\n", "return", "break", "raise", "x := 1", "x += 1\n", "1", "'s'", "None", "super()"),
        *("eval('x')", "exec('y=1')", "globals()", "'%s' % x", "if x: ", "else: ", "for x in y: ", "while x: ", "x", ", ", ";"),
    ]
)  # fmt: skip


@given(st.lists(TOKENS, max_size=30).map("".join))
@settings(max_examples=300, deadline=None)
def test_no_text_makes_it_raise(text):
    result = followed(text)
    assert result is None or result.machine.failure is None


@pytest.mark.parametrize(
    "program",
    [
        "x = " + "(" * 80 + "1" + ")" * 80,
        "x = 1" + " + 1" * 350,
        "def f(n):\n    return f(n - 1) + f(n - 2)\nf(40)",
        "for a in range(40):\n    for b in range(40):\n        for c in range(40):\n            x = a + b + c",
        "x = [1]\nfor i in range(40):\n    x = x + x",
        "x = 'a'\nfor i in range(40):\n    x = f'{x}{x}'",
        "".join(f"{'    ' * n}if input():\n" for n in range(60)) + "    " * 60 + "x = 1",
        "".join(f"if input(): x = {n}\n" for n in range(1_500)),
        "".join(f"def f{n}(): return f{n + 1}()\n" for n in range(500)) + "f0()",
    ],
    ids=range(9),
)
def test_work_is_bounded_and_what_lies_beyond_is_open(program):
    program += "\nimport api\nname = 'x'\napi.load('a', name)\n"
    ast.parse(program)
    machine = followed(program).machine
    assert machine.steps <= MAX_STEPS + 20_000
    assert machine.failure is None
    for _, positional, _ in seen(program):
        assert positional in (["a", "x"], ["a", OPEN])
