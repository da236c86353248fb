"""From docstrings to questions and reference programs, without running anything."""

import json

import pytest

from apigauge.benchmarks.making.callables import read
from apigauge.benchmarks.making.candidates import Dropped, candidates
from apigauge.benchmarks.making.trials import Run, draws_without_seed, tried
from apigauge.benchmarks.making.wording import instruction


def callable_row(name, doc, kind="function", parameters="a, axis=None", owner=""):
    return json.dumps({
        "name": name, "kind": kind, "owner": owner, "module": name.rpartition(".")[0], "aliases": [],
        "parameters": parameters, "required": [], "deprecated": "", "doc": doc,
    })  # fmt: skip


PACKAGE = (
    callable_row("numpy.array", ""),
    callable_row("pandas.DataFrame", "", "class"),
    callable_row("pandas.Series", "", "class"),
)


def made(doc, name="numpy.top", **more):
    package = read([*PACKAGE, callable_row(name, doc, **more)])
    return list(candidates(package, package.callables[name]))


@pytest.mark.parametrize(("doc", "program", "reference"), [
    # Only what the call needs is given, with the last value that it had.
    ("T.\n\n>>> a = 1\n>>> b = 2\n>>> a = [b]\n>>> c = 3\n>>> np.top(a)\n2",
     "import numpy as np\nb = 2\na = [b]\nresult = np.top(a)\nprint(result)\n", "numpy.top(a)"),
    # What changes the data is needed too.
    ("T.\n\n>>> a = []\n>>> a.append(3)\n>>> np.top(a, axis=0)\n3",
     "import numpy as np\na = []\na.append(3)\nresult = np.top(a, axis=0)\nprint(result)\n", "numpy.top(a, axis=0)"),
    # What is written out becomes data with a name; a name that is taken is not taken twice.
    ("T.\n\n>>> np.top([1, 2], 0)\n2", "import numpy as np\na = [1, 2]\nresult = np.top(a, 0)\nprint(result)\n", "numpy.top(a, 0)"),
    ("T.\n\n>>> a = 2\n>>> np.top([1, a])\n2",
     "import numpy as np\na = 2\na2 = [1, a]\nresult = np.top(a2)\nprint(result)\n", "numpy.top(a2)"),
    # The result is used before it is shown.
    ("T.\n\n>>> r, _ = np.top([1])\n>>> s = 2\n>>> r * s\n4",
     "import numpy as np\na = [1]\n(r, _) = np.top(a)\ns = 2\nprint(r * s)\n", "numpy.top(a)"),
    # What is shown is only computed from it.
    ("T.\n\n>>> r = np.top([1])\n>>> s = r.low\n>>> t = 5\n>>> r = 3\n>>> s\n4",
     "import numpy as np\na = [1]\nr = np.top(a)\ns = r.low\nprint(s)\n", "numpy.top(a)"),
    # What is behind the call needs no value that it gives itself.
    ("T.\n\n>>> s = [2]\n>>> r = np.top([1])\n>>> s = r.low\n>>> s\n4",
     "import numpy as np\na = [1]\nr = np.top(a)\ns = r.low\nprint(s)\n", "numpy.top(a)"),
    ("T.\n\n>>> x = [1]\n>>> sorted(np.top(x))[0]\n1",
     "import numpy as np\nx = [1]\nresult = np.top(x)\nprint(sorted(result)[0])\n", "numpy.top(x)"),
    ("T.\n\n>>> x = [1]\n>>> for one in np.top(x):\n...     print(one)\n1",
     "import numpy as np\nx = [1]\nresult = np.top(x)\nfor one in result:\n    print(one)\n", "numpy.top(x)"),
    ("T.\n\n>>> from numpy import top as highest\n>>> x = [1]\n>>> print(highest(x))\n1",
     "from numpy import top as highest\nx = [1]\nresult = highest(x)\nprint(result)\n", "numpy.top(x)"),
])  # fmt: skip
def test_an_example_becomes_a_program_and_a_call(doc, program, reference):
    (candidate,) = made(doc)
    assert (candidate.program, candidate.reference) == (program, reference)


def test_no_call_of_the_method_is_given_where_its_object_becomes_something_else():
    doc = "Set it.\n\n>>> df = pd.DataFrame([1])\n>>> df.set_index(0)\n1\n>>> df = df.set_index(0)\n>>> df\n1"
    first, second = made(doc, "pandas.DataFrame.set_index", kind="method", owner="pandas.DataFrame", parameters="keys")
    assert first.reference == "pandas.DataFrame.set_index(0)"
    assert isinstance(second, Dropped)
    assert second.reason == "the code around it calls the API too"


def test_a_method_is_one_of_its_class_only():
    doc = (
        "First rows.\n\n>>> s = pd.Series([1])\n>>> s.head(1)\n0    1\n>>> df = pd.DataFrame([1])\n>>> df.head(1)\n0  1"
    )
    (candidate,) = made(doc, "pandas.DataFrame.head", kind="method", owner="pandas.DataFrame", parameters="n=5")
    assert candidate.reference == "pandas.DataFrame.head(1)"
    assert candidate.call == "df.head(1)"
    assert "Call it on `df` with `n=1`." in instruction(candidate)


@pytest.mark.parametrize(("doc", "reason"), [
    ("T.\n\n>>> np.top(x)\n1", "nothing says what x is"),
    ("T.\n\n>>> np.top(np.top(1))\n1", "it calls the API several times"),
    ("T.\n\n>>> a = np.top(1)\n>>> np.top(a)\n1", "the code around it calls the API too"),
    ("T.\n\n>>> a = np.top(1)\n>>> np.top(1, out=a)\n1", "the code around it calls the API too"),
    ("T.\n\n>>> np.top(1)  # doctest: +SKIP\n1", "it is marked as not to be run, or as varying"),
    ("T.\n\n>>> np.top(1)  # may vary\n1", "it is marked as not to be run, or as varying"),
    ("T.\n\n>>> [np.top(a) for a in (1, 2)]\n[1, 2]", "the call stands in a function or comprehension"),
    ("T.\n\n>>> True or np.top(1)\nTrue", "the call may not be reached"),
    ("T.\n\n>>> np.top(*[1, 2])\n1", "its arguments are unpacked"),
    ("T.\n\n>>> np.top(1)", "it prints nothing"),
    ("T.\n\n>>> a = np.top(1)\n>>> b = 3\n>>> c = b\n>>> c\n3", "its result is not printed"),
    # A call that is given both may change the one, but need not show the other.
    ("T.\n\n>>> x = [1]\n>>> a = np.top(1)\n>>> plot(x, a)\n>>> x\n[1]", "its result is not printed"),
    ("T.\n\n>>> a = np.top(1)\n>>> a = 3\n>>> a\n3", "its result is replaced before anything is printed"),
])  # fmt: skip
def test_what_makes_no_question_says_why(doc, reason):
    last = made(doc)[-1]
    assert isinstance(last, Dropped)
    assert last.reason == reason


def test_what_a_failure_says_of_one_run_alone_is_not_kept():
    failed = "failed FileNotFoundError: '/box/604/tmpq3pyo0fe/new.dat' at 0x7f3a90b2c4d0 in /tmp/tmpdir"
    (dropped,) = tried(made("T.\n\n>>> np.top([1, 2], 0)\n2"), lambda programs: (Run(None, failed) for _ in programs))
    assert dropped.reason == (
        "the program does not run: failed FileNotFoundError: '/box/*/tmp*/new.dat' at 0x* in /tmp/tmpdir"
    )


@pytest.mark.parametrize(("program", "draws"), [
    ("rng = np.random.default_rng()", True),
    ("rng = default_rng(None)", True),
    ("x = np.random.RandomState().rand()", True),
    ("x = np.random.Generator(np.random.PCG64())", True),
    ("x = random.Random()", True),
    ("rng = np.random.default_rng(7)", False),
    ("rng = np.random.default_rng(seed=seed)", False),
    ("x = np.random.rand(3)", False),  # a sandbox seeds it
])  # fmt: skip
def test_what_draws_without_a_seed_is_right_by_chance_at_most(program, draws):
    assert draws_without_seed(program) is draws


def test_what_draws_without_a_seed_becomes_no_item_even_if_it_prints_what_is_documented():
    doc = "T.\n\n>>> rng = np.random.default_rng()\n>>> np.top(rng.random(2), 0)\n2"
    (dropped,) = tried(made(doc), lambda programs: (Run("2\n\x1e2\n") for _ in programs))
    assert dropped.reason == "it draws random numbers without a seed"
