"""An item's tests behind its program, the output that is kept, and the deprecations that are noted."""

import pytest

from apigauge.sandboxes.verdict import ObservedCall, Program

# Program, its tests, the status of the tests.
CASES = {
    "names of the program": ("x = 1", "assert x == 1", "passed"),
    "a wrong value": ("x = 1", "assert x == 2", "failed"),
    "a name that is not there": ("x = 1", "y", "failed"),
    "tests that are no program": ("x = 1", "assert (", "failed"),
    "an exit in a function": ("def f(): raise SystemExit", "f()", "failed"),
    "the end of the process": ("x = 1", "import os; os._exit(0)", "early_exit"),
    "an endless test": ("x = 1", "while True: pass", "timeout"),
    "an exit as the program's last statement": ("import sys\nx = 1\nsys.exit(0)", "assert x == 1", "passed"),
    "globals that functions change": (
        "n = 0\ndef f():\n    global n\n    n += 1",
        "f()\ndef g(): return n\nf()\nassert g() == 2",
        "passed",
    ),
    "what the program has replaced for good": (
        "import io, sys\nsys.stdout = io.StringIO()",
        "print('hm')\nimport sys\nassert sys.stdout.getvalue() == 'hm\\n'",
        "passed",
    ),
    "what tests replace": (
        "def f(): return input()",
        "import builtins\nbuiltins.input = str\nassert f() == ''",
        "passed",
    ),
    "threads": (
        "import concurrent.futures as c\ndef f():\n    with c.ThreadPoolExecutor(2) as e: return sum(e.map(abs, [1, -2]))",
        "assert f() == 3",
        "passed",
    ),
    "objects that are equal": (
        (
            "from dataclasses import dataclass\n@dataclass(frozen=True)\nclass P:\n    x: int\n"
            "class M:\n    def __init__(self, x): self.x = x\n    def __eq__(self, other): return self.x == other"
        ),
        (
            "assert P(1) == P(1) != P(2) and len({P(1), P(1)}) == 1\n"
            "assert M(5) == 5 and M('a') == 'a' and M([1]) == [1] and M(2) != 3\n"
            "try: hash(M(1))\nexcept TypeError: pass\nelse: raise AssertionError"
        ),
        "passed",
    ),
    "classes in patterns, tuples and annotations": (
        "x = 1",
        (
            "y: int = x\nmatch y:\n    case str(): raise ValueError\n    case int(): pass\n"
            "assert type(y) in (int, float) and type(y) in {int, str} and list[int] and int | None"
        ),
        "passed",
    ),
    "a test case": (
        "def f(x): return x",
        (
            "import unittest\nclass T(unittest.TestCase):\n    def test(self): self.assertEqual(f(1), 1)\n"
            "suite = unittest.defaultTestLoader.loadTestsFromTestCase(T)\n"
            "assert unittest.TextTestRunner().run(suite).wasSuccessful()"
        ),
        "passed",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_tests_run_behind_the_program(sandbox, case):
    source, tests, status = CASES[case]
    verdict = sandbox.run(Program(source, tests=tests))
    assert (verdict.tests.status, verdict.status) == (status, "passed")
    assert (sandbox.run(Program(source)).status, sandbox.run(Program(source)).tests) == ("passed", None)


def test_tests_do_not_run_behind_a_program_that_fails(sandbox):
    verdict = sandbox.run(Program("x = 1\n1 / 0", tests="assert x == 1"))
    assert (verdict.status, verdict.tests) == ("failed", None)


def test_the_line_that_failed_is_that_of_the_tests(sandbox):
    verdict = sandbox.run(Program("def f():\n    raise KeyError('k')", tests="x = 1\n\nf()\n"))
    assert (verdict.tests.line, verdict.tests.reason) == (3, "KeyError: 'k'")


def test_a_name_of_python_s_own_is_the_program_s_where_that_is_meant(sandbox):
    product = "def sum(a, b): return a * b"
    assert sandbox.run(Program(product, tests="assert sum(2, 4) == 8", keeps=("sum",))).tests.status == "passed"
    assert sandbox.run(Program(product, tests="assert sum([2, 4]) == 6")).tests.status == "passed"


def test_the_program_s_calls_count_when_tests_make_it_call_and_the_tests_own_do_not(sandbox):
    for source in (
        "import statistics as s\ndef f(v): return s.quantiles(v)",
        "import math\ndef f(v): return [math.degrees(v[0])]",
    ):
        module, name = ("statistics", "quantiles") if "statistics" in source else ("math", "degrees")
        callee = f"{'s' if module == 'statistics' else 'math'}.{name}"
        functions = (f"{module}.{name}",)
        called = sandbox.run(Program(source, callee, functions, tests="f([1, 2, 3])"))
        assert (called.stage, [call.function for call in called.calls]) == (4, list(functions))
        argument = "[1, 2, 3]" if module == "statistics" else "1"
        verdict = sandbox.run(Program(source, callee, functions, tests=f"import {module}\n{module}.{name}({argument})"))
        assert (verdict.stage, verdict.calls, verdict.tests.status) == (2, (), "passed")


def test_the_output_is_the_program_s_and_not_that_of_its_tests(sandbox):
    verdict = sandbox.run(Program("print('a')", tests="print('b')", output_bytes=10))
    assert (verdict.output, verdict.evidence["stdout"]) == ("a\n", "a\nb\n")
    assert sandbox.run(Program("print('abcdef')", output_bytes=3)).output == "abc"
    assert sandbox.run(Program("print('a')")).output == ""


OLD = "import warnings\ndef old(): warnings.warn('gone soon', {}, stacklevel=2)\n"
NOTED = {
    "shown": (OLD.format("DeprecationWarning") + "old()", [("DeprecationWarning", "gone soon")]),
    "ignored": (
        OLD.format("FutureWarning") + "warnings.filterwarnings('ignore')\nold()",
        [("FutureWarning", "gone soon")],
    ),
    "caught": (
        OLD.format("PendingDeprecationWarning")
        + "with warnings.catch_warnings(record=True) as w:\n    warnings.simplefilter('always')\n    old()\nassert len(w) == 1",
        [("PendingDeprecationWarning", "gone soon")],
    ),
    "after a reset": (
        OLD.format("DeprecationWarning") + "warnings.resetwarnings()\nassert warnings.filters == []\nold()",
        [("DeprecationWarning", "gone soon")],
    ),
    "an error": (
        OLD.format("DeprecationWarning")
        + "warnings.simplefilter('error')\ntry: old()\nexcept DeprecationWarning: pass\nelse: raise ValueError",
        [("DeprecationWarning", "gone soon")],
    ),
    "a library's own class": (
        "import warnings\nclass LibraryDeprecationWarning(UserWarning): pass\nwarnings.warn('x', LibraryDeprecationWarning)",
        [("LibraryDeprecationWarning", "x")],
    ),
    "twice": (
        OLD.format("DeprecationWarning") + "for _ in range(3): old()",
        [("DeprecationWarning", "gone soon")],
    ),
    "of the standard library": ("import ast\nast.Num(1)", None),
    "attributed to more callers than there are": (
        OLD.format("DeprecationWarning").replace("stacklevel=2", "stacklevel=9") + "old()",
        [("DeprecationWarning", "gone soon")],
    ),
    "another kind": (OLD.format("UserWarning") + "old()", []),
    "of a library's own line": (
        (
            "import types\nm = types.ModuleType('m')\n"
            "exec('import warnings\\ndef f(): warnings.warn(\"x\", DeprecationWarning)', vars(m))\nm.f()"
        ),
        [],
    ),
}


@pytest.mark.parametrize("case", NOTED)
def test_deprecations_of_the_program_s_own_lines_are_noted(sandbox, case):
    source, expected = NOTED[case]
    verdict = sandbox.run(Program(source))
    assert verdict.status == "passed", verdict.reason
    noted = [(one.category, one.message) for one in verdict.deprecations]
    if expected is None:  # as this Python has it
        expected = noted if all(category == "DeprecationWarning" for category, _ in noted) else ["another"]
    assert noted == expected


def test_what_a_program_sees_of_its_filters_is_what_it_would_see(sandbox):
    """The filters that Python itself begins with, as ``python -c`` would show them, and every change of them."""
    source = (
        "import warnings\nf = warnings.filters\nn = len(f)\nassert [x[0] for x in f].count('default') == 1\n"
        "warnings.simplefilter('ignore', UserWarning)\nassert len(f) == n + 1 and f[0][2] is UserWarning\n"
        "with warnings.catch_warnings():\n    warnings.filters.insert(0, ('error', None, KeyError, None, 0))\n"
        "    assert len(warnings.filters) == n + 2 and list(warnings.filters)[0][0] == 'error'\n"
        "assert len(warnings.filters) == n + 1\ndel warnings.filters[:]\nassert warnings.filters == [] and not warnings.filters\n"
    )
    verdict = sandbox.run(Program(source))
    assert (verdict.status, verdict.reason[:200]) == ("passed", "ran to its end")


def test_deprecations_in_tests_are_not_the_program_s(sandbox):
    tests = "import warnings\nwarnings.warn('x', DeprecationWarning)"
    verdict = sandbox.run(Program("x = 1", tests=tests))
    assert (verdict.tests.status, verdict.deprecations) == ("passed", ())


def test_a_recorded_call_in_a_test_has_its_arguments(sandbox):
    source = "import json\ndef read(text): return json.loads(text)"
    verdict = sandbox.run(Program(source, "json.loads", ("json.loads",), tests="assert read('1') == 1"))
    assert verdict.calls == (ObservedCall("json.loads", ("'1'",), {}),)
