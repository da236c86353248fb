"""Both CodeBLEU scores: one equal to the package, one equal to what it should be."""

import json
import os
import subprocess
import sys

import pytest
from performance.codebleu_package import replacements
from released_answers import released_files

from apigauge import extract, load_benchmark
from apigauge.harness.metrics import codebleu as ours
from apigauge.harness.metrics import codebleu_corrected as corrected

CALL = "torch.hub.load(repo_or_dir='facebookresearch/pytorchvideo', model='slow_r50', pretrained=True)"


def package(reference, candidate):
    from codebleu import calc_codebleu

    return calc_codebleu([reference], [candidate], "python")["codebleu"]


def packaged(reference, candidate):
    return ours.packaged(ours.parts(reference), ours.parts(candidate))


def correct(reference, candidate):
    return corrected.corrected(corrected.parts(reference), corrected.parts(candidate))


@pytest.fixture
def same_trees(monkeypatch):
    for module, name, value in replacements():
        monkeypatch.setattr(module, name, value, raising=False)


@pytest.mark.parametrize(
    ("candidate", "value"),
    [
        (CALL, 0.764316131393581),
        (CALL.replace("slow_r50", "slow_r101"), 0.563510181745244),
        ("foo", 0.25),
        ("", 0.25),
        ("x = (", 0.25),
    ],
)
def test_published_behaviour_of_the_package(candidate, value, same_trees):
    assert packaged(CALL, candidate) == pytest.approx(value, abs=1e-12)
    assert package(CALL, candidate) == pytest.approx(value, abs=1e-12)


@pytest.mark.apibench
@pytest.mark.parametrize("name", released_files())
def test_equals_the_package_on_the_same_trees_for_every_released_answer(name, data_dir, same_trees):
    benchmark = load_benchmark(f"apibench-{name.split('_')[1]}", data_dir)
    items = {item.id: item for item in benchmark.items}
    lines = (data_dir / "responses" / name).read_text(encoding="utf-8").split("\n")[:-1]
    for row in map(json.loads, lines):
        item = items[str(row["question_id"])]
        reference, program = item.reference_program or item.reference_call, extract(row["text"]).program or ""
        assert packaged(reference, program) == pytest.approx(package(reference, program), abs=1e-12)
    assert len(lines) == {"huggingface": 904, "tensorflowhub": 685, "torchhub": 186}[name.split("_")[1]]


def test_is_the_same_in_every_process():
    """The package's own value of this pair changes with PYTHONHASHSEED; ours must not."""
    program = "for a in b:\n    c = a + b\n    a = c + d\n    d = a + b + c\nwhile d:\n    b = c + a + d\n"
    code = (
        "from apigauge.harness.metrics import codebleu as m; p = " + repr(program) + "\nprint(repr(m.parts(p).flows))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=os.environ | {"PYTHONHASHSEED": str(seed)},
            capture_output=True,
            check=True,
        ).stdout
        for seed in range(6)
    }
    assert len(outputs) == 1


@pytest.mark.parametrize("text", [CALL, "x", "a = 1", "import os\nos.getcwd()", "def f(x):\n    return x", "f('é')"])
def test_corrected_identical_text_is_one(text):
    assert correct(text, text) == 1.0


@pytest.mark.parametrize("empty", ["", "   ", "\n", "# only a comment"])
def test_corrected_empty_text_is_zero(empty):
    assert correct(CALL, empty) == 0.0
    assert correct("a = 1\nb = a", empty) == 0.0


def test_corrected_zero_data_flow_stays_zero():
    reference, candidate = "a = 1\nb = a\nprint(b)", "print(1)"
    assert ours.flow_recall(ours.parts(reference).flows, ours.parts(candidate).flows) == 0.0
    three = [correct(reference, candidate) * 4 / 3]
    assert 0 < three[0] < 1
    # With the package's rule the missing part would count as one and lift the score by a quarter.
    assert packaged(reference, candidate) >= 0.25 > correct(reference, candidate)


def test_corrected_weighs_keywords_five_times_as_much():
    reference, candidate = (ours.grams(text.split()) for text in ("for a", "for b"))
    assert corrected._weighted_precision(reference, candidate) == pytest.approx((1.0, 1.2))
    reference, candidate = (ours.grams(text.split()) for text in ("for a", "if a"))
    assert corrected._weighted_precision(reference, candidate) == pytest.approx((0.2, 1.2))


def test_corrected_gives_nothing_for_a_reference_without_code():
    assert correct("# only a comment", "f(1)") == 0.0


def test_corrected_counts_a_candidates_subtree_once():
    assert correct("f(1)\nf(2)\nf(3)", "f(1)") < correct("f(1)\nf(2)\nf(3)", "f(1)\nf(2)\nf(3)") == 1.0


def test_corrected_does_not_depend_on_quotes_or_white_space():
    assert correct(CALL, CALL.replace("'", '"').replace(", ", ",  ")) == 1.0


def test_corrected_ranks_a_right_call_above_a_wrong_one():
    right = "torch.hub.load('facebookresearch/pytorchvideo', 'slow_r50', pretrained=True)"
    wrong = CALL.replace("slow_r50", "slow_r101")
    assert package(CALL, right) < package(CALL, wrong)
    assert correct(CALL, right) == 1.0 > correct(CALL, wrong) > correct(CALL, "os.system('rm -rf /')")


def test_keyword_names_stay_where_the_order_differs():
    assert (
        corrected.positional("torch.hub.load(model='m', repo_or_dir='r')")
        == "torch.hub.load(model='m', repo_or_dir='r')"
    )
    assert (
        corrected.positional("torch.hub.load('r', model='m', pretrained=True)")
        == "torch.hub.load('r', 'm', pretrained=True)"
    )


@pytest.mark.parametrize(
    "program",
    [
        "(" * 20_000 + "1" + ")" * 20_000,
        "not " * 10_000 + "x",
        "a" + ".b" * 20_000,
        "+".join("x" * 20_000),
        "[" * 49_000,
        "x" + "()" * 20_000,
    ],
)
def test_nesting_that_would_end_the_process_scores_zero_with_its_label(program):
    benchmark = load_benchmark("mini")
    for module, name in ((ours, "codebleu"), (corrected, "codebleu.corrected")):
        scored = module.make(benchmark)(benchmark.items[0], extract(f"```python\n{program}\n```"))
        assert (scored.metrics, scored.labels) in (
            ({name: 0.0}, {name: "too_deep"}),
            ({name: scored.metrics[name]}, {}),
        )
        assert 0 <= scored.metrics[name] < 0.5


def test_the_label_of_a_program_that_is_too_deep():
    benchmark = load_benchmark("mini")
    scored = ours.make(benchmark)(benchmark.items[0], extract("```python\n" + "-" * 5_000 + "x\n```"))
    assert (scored.metrics, scored.labels) == ({"codebleu": 0.0}, {"codebleu": "too_deep"})


@pytest.mark.parametrize("repeated", ["()", ".a()"])
def test_a_call_repeated_without_end_does_not_hang_the_corrected_score(repeated):
    """Each callee holds all calls before it: 300,000 characters take seconds, and minutes where each is read whole.

    The time limit only tells a hang from an end.
    """
    program = (
        "from apigauge.harness.metrics.codebleu_corrected import positional\n"
        f"text = 'torch.f' + {repeated!r} * (300_000 // len({repeated!r}))\n"
        "print(positional(text + '\\ntorch.hub.load(repo_or_dir=x)') == text + '\\ntorch.hub.load(x)')"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "True\n", "")


def test_loops_in_loops_do_not_take_the_packages_exponential_time():
    benchmark = load_benchmark("mini")
    program = (
        "\n".join("    " * depth + f"for i{depth} in x{depth}:" for depth in range(20)) + "\n" + "    " * 20 + "a = 1"
    )
    scored = ours.make(benchmark)(benchmark.items[0], extract(f"```python\n{program}\n```"))
    assert (scored.metrics, scored.labels) == ({"codebleu": 0.0}, {"codebleu": "too_deep"})


@pytest.mark.parametrize(
    ("program", "code"),
    [
        ("a = 1  # one\nb = 2", "a = 1  \nb = 2"),
        ("# only a comment", ""),
        ('def f():\n    """What it does."""\n    return 1', "def f():\n    \n    return 1"),
        ('"""A module."""\nx = "no docstring"', '\nx = "no docstring"'),
        ('x = "# no comment"', 'x = "# no comment"'),
        ('", ".join(names)', '", ".join(names)'),
        ("load('m'  # open to the end", "load('m'  "),
        ("é = 'ü'  # ö", "é = 'ü'  "),
    ],
)
def test_comments_and_docstrings_are_taken_out_by_the_tree(program, code):
    assert ours.stripped(program) == code


def test_corrected_weighs_all_orders_alike():
    """Of four orders the weighted part replaces the first alone: ``a b c d`` and ``a b c e`` share 3, 2, 1 and 0 n-grams."""
    reference, candidate = (ours.Parts(ours.grams(text.split()), ("tree",), ()) for text in ("a b c d", "a b c e"))
    orders = [(3, 4), (2, 3), (1, 2), (0, 1)]
    weighted = [(0.6, 0.8), *orders[1:]]
    expected = [ours.bleu(orders, 4, 4), ours.bleu(weighted, 4, 4), 1.0]
    assert corrected.corrected(reference, candidate) == pytest.approx(sum(expected) / 3)
