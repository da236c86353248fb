"""From an extraction to what is run, and from a verdict to numbers; the sandbox itself is tested elsewhere."""

import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.harness.metrics.executability import infra_errors, is_withheld, program_of, scores
from apigauge.harness.metrics.observed_calls import ObservedCalls
from apigauge.harness.metrics.registry import versions
from apigauge.harness.metrics.table import MODULES
from apigauge.sandboxes.verdict import ObservedCall, Program, Verdict

MINI = load_benchmark("mini")
LSTM = "torch.nn.LSTM(8, 16)"


@pytest.mark.parametrize(
    ("call", "program", "expected"),
    [
        ("f(g(1))", "import x\nf(g(1))", Program("import x\nf(g(1))", "f")),
        ("torch.topk(s, k=3)", None, Program("torch.topk(s, k=3)", "torch.topk")),
        ("torch.topk(s, k=3)", "", Program("torch.topk(s, k=3)", "torch.topk")),
        (None, "print(1)", Program("print(1)", None)),
        ("import torch", "import torch", Program("import torch", None)),
        (None, None, None),
        ("", "", None),
    ],
)
def test_the_program_is_run_or_else_the_bare_call(call, program, expected):
    assert program_of(call, program) == expected


@pytest.mark.parametrize(
    ("call", "program", "callee"),
    [
        (LSTM, f"import torch\nm = {LSTM}", "torch.nn.LSTM"),
        (LSTM, "from torch import nn\nm = nn.LSTM(8, 16)", "nn.LSTM"),
        (LSTM, "from torch.nn import LSTM as L\nm = L(8, 16)", "L"),
        ("pipeline('x')", "import transformers\np = transformers.pipeline('x')", "transformers.pipeline"),
        ("transformers.pipeline('x')", "from transformers import pipeline as p\np('x')", "p"),
        ("nn.LSTM(8, 16)", "import torch\n# nn.LSTM(1)\nm = torch.nn.LSTM(8, 16)", "torch.nn.LSTM"),
        (LSTM, "from torch import nn\nm = nn.GRU(8, 16)", "torch.nn.LSTM"),
        (LSTM, "def LSTMs(): pass\nLSTMs()", "torch.nn.LSTM"),
        ("torch \\\n    .nn.LSTM(8, 16)", "import torch\nm = torch \\\n    .nn.LSTM(8, 16)", "torch.nn.LSTM"),
    ],
)
def test_the_call_is_watched_under_the_name_that_the_program_gives_it(call, program, callee):
    assert program_of(call, program).callee == callee


@pytest.mark.parametrize(
    ("call", "program", "callee"),
    [
        ("tag(text)", "from transformers import pipeline\ntag = pipeline('ner')\ntag(text)", "pipeline"),
        ("model.predict(x)", "import joblib\nmodel = joblib.load('m')\nmodel.predict(x)", "joblib.load"),
        ("m(x)", "import a\nm: object = a.b.load('m').eval().to('cpu')\nm(x)", "a.b.load"),
        ("m(x)", "import a\nm = a.load('m')\nm = m.eval()\nm(x)", "a.load"),
        ("m(x)", "import a\nif (m := a.load('m')):\n    m(x)", "a.load"),
        # Nothing that is imported makes these.
        ("m(x)", "import a\nm = make(a.load('m'))\nm(x)", "m"),
        ("m(x)", "import a\ndef m(x):\n    return a.load(x)\nm(x)", "m"),
        ("m(x)", "import a\na.load('m')\nm(x)", "m"),
        ("m(x)", "import a\n'm = a.load(1)'\nm(x)", "m"),
        # A recorded function's own name, which the program gives to an object.
        ("tagger('ner')", "import a\ntagger = a.load('m')\ntagger(x)", "tagger"),
        ("tag(x)", "import a\ntag = a.load('m'\ntag(x)", "tag"),
    ],
)
def test_the_call_of_an_object_is_watched_where_the_program_makes_the_object(call, program, callee):
    assert program_of(call, program, ("transformers.tagger",)).callee == callee


def test_every_reference_of_mini_names_a_call_that_its_program_writes():
    for item in load_benchmark("mini").items:
        callee = program_of(item.reference_call, item.reference_program).callee
        assert f"{callee}(" in item.reference_program
        assert callee.split(".")[-1] == item.reference_call.split("(")[0].split(".")[-1]


@pytest.mark.parametrize(
    ("verdict", "numbers", "label"),
    [
        (Verdict("passed", 4), (1.0, 1.0, 4.0), "passed"),
        (Verdict("passed", 2), (0.0, 0.0, 2.0), "passed/not_called"),
        (Verdict("failed", 3, "assertion"), (0.0, 1.0, 3.0), "failed/assertion"),
        (Verdict("failed", 0, "syntax"), (0.0, 0.0, 0.0), "failed/syntax"),
        (Verdict("timeout", 2), (0.0, 0.0, 2.0), "timeout"),
        (Verdict("early_exit", 3), (0.0, 1.0, 3.0), "early_exit"),
    ],
)
def test_a_verdict_gives_three_numbers_and_a_label(verdict, numbers, label):
    scored = scores(verdict)
    assert scored.metrics == dict(zip(("exec.rate", "exec.call", "exec.stage"), numbers, strict=True))
    assert (scored.labels, scored.messages) == ({"exec.rate": label}, {})


def test_with_a_judge_of_calls_it_gives_four_in_the_order_of_the_table():
    observed = ObservedCalls(MINI)
    made = ObservedCall("torch.nn.LSTM", ("8", "16"), {"num_layers": "2", "batch_first": "True"})
    for calls, exact in (((), 0.0), ((made,), 1.0)):
        scored = scores(Verdict("failed", 2, "other", calls=calls), "mini-023", observed)
        assert tuple(scored.metrics) == MODULES["executability"]
        assert scored.metrics["exec.exact"] == exact
        assert bool(scored.messages) == (not exact)
    assert scores(Verdict("infra", 4, calls=(made,)), "mini-023", observed).metrics == {}


def test_our_own_trouble_gives_no_number():
    scored = scores(Verdict("infra", 4, reason="the engine went away"))
    assert scored.metrics == {}
    assert scored.labels == {"exec.rate": "infra"}
    assert scored.messages == {"exec.rate": "the engine went away"}


def row(status, program="f(1)"):
    return {"extraction": {"call": None, "program": program}, "verdict": {"status": status} if status else None}


def test_only_programs_that_were_run_count_in_the_share_of_our_own_trouble():
    rows = [row("infra"), row("passed"), row("failed", program=None), row(None), row("timeout")]
    assert infra_errors(rows) == (1, 3)
    assert infra_errors([]) == (0, 0)


@pytest.mark.parametrize(
    ("failed", "run", "expected"), [(0, 0, False), (1, 100, False), (1, 99, True), (29, 2900, False)]
)
def test_more_than_one_percent_of_our_own_trouble_forbids_a_number(failed, run, expected):
    assert is_withheld(failed, run) is expected


def test_the_version_names_our_own_code():
    assert "code " in versions(["executability"])["executability"]
