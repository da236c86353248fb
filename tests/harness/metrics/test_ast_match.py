"""ast.exact against labels given by hand from the definitions, and each rule on its own."""

import json
from collections import Counter
from pathlib import Path

import pytest

from apigauge import Item, extract, load_benchmark
from apigauge.benchmarks.types import Api, Benchmark
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.metrics import ast_match

CASES = [
    json.loads(line)
    for line in (Path(__file__).parents[2] / "data" / "ast_labels.jsonl").read_text(encoding="utf-8").split("\n")
    if line
]


@pytest.fixture(scope="module")
def judges(data_dir):
    made = {}
    for name in {case["benchmark"] for case in CASES}:
        benchmark = load_benchmark(name, data_dir)
        programs = {item.id: item.reference_program for item in benchmark.items}
        made[name] = (
            ast_match.make(benchmark),
            functions_of((api.call for api in benchmark.catalogue), benchmark.conventions),
            programs,
        )
    return made


def test_the_table_is_large_and_covers_every_label():
    counts = Counter(case["label"] for case in CASES)
    assert len(CASES) >= 150
    assert sum(case["source"].startswith("released:") for case in CASES) >= len(CASES) / 2
    assert set(counts) == set(ast_match.LABELS) - {
        "too_long",
        "unfinished",
        "missing_call",
    }  # they are about more than a call
    assert min(counts.values()) >= 8


@pytest.mark.apibench
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_label_given_by_hand(case, judges):
    metric, functions, programs = judges[case["benchmark"]]
    program = programs[case["source"].rpartition("#")[2]] if "#" in case["source"] else ""
    scored = metric(Item(case["id"], "", case["reference"], program, "", ""), extract(case["answer"], functions))
    assert scored.labels["ast.exact"] == case["label"], (scored.messages, case["why"])
    assert scored.metrics["ast.exact"] == float(case["label"] in ("exact", "extra_argument"))
    assert scored.metrics["hallucination"] == case.get("hallucination", float(case["label"] == "unknown_api"))


CATALOGUE = (
    Api("torch.hub.load(repo_or_dir='pytorch/vision', model='resnet50', pretrained=True)", "Classification"),
    Api("torch.hub.load(repo_or_dir='pytorch/vision', model='fcn_resnet50', pretrained=True)", "Segmentation"),
    Api("torch.hub.load(repo_or_dir='a/b', model='c')", "Classification"),
    Api("pipeline('ner', model='x/y')", "Tokens", example="from transformers import pipeline"),
)
TOY = Benchmark("toy", (), CATALOGUE, "", "torchhub")
RESNET = CATALOGUE[0].call


def scored(answer, reference=RESNET, domain="Classification", program=""):
    functions = functions_of(api.call for api in CATALOGUE)
    return ast_match.make(TOY)(Item("1", "", reference, program, domain, ""), extract(answer, functions))


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        ("torch.hub.load('pytorch/vision', 'resnet50', pretrained=True)", "exact"),
        ('torch.hub.load( "pytorch/vision:main" , model = "resnet50" , pretrained = True )', "exact"),
        ("import torch.hub as h\nh.load('pytorch/vision', 'resnet50', pretrained=True)", "exact"),
        ("from torch.hub import load as fetch\nfetch('pytorch/vision', 'resnet50', pretrained=True)", "exact"),
        ("import torch\nname = 'resnet50'\ntorch.hub.load('pytorch/vision', name, pretrained=True)", "exact"),
        (
            "import torch\nname = 'resnet18'\nname = 'resnet50'\ntorch.hub.load('pytorch/vision', name, pretrained=True)",
            "exact",
        ),
        ("torch.hub.load('pytorch/vision', 'resnet50', pretrained=True, progress=False)", "extra_argument"),
        ("torch.hub.load('pytorch/vision', 'resnet50', pretrained=True, force_reload=True)", "exact"),
        ("torch.hub.load('pytorch/vision', 'resnet50', pretrained=True, source='github')", "exact"),
        ("torch.hub.load('pytorch/vision', 'resnet50')", "missing_argument"),
        ("torch.hub.load('pytorch/vision', 'resnet50', pretrained=False)", "different_argument"),
        ("torch.hub.load('pytorch/vision', 'fcn_resnet50', pretrained=True)", "wrong_model"),
        ("torch.hub.load('pytorch/vision', 'resnet9000', pretrained=True)", "unknown_api"),
        ("pipeline('token-classification', model='x/y')", "wrong_function"),
        ("pipeline('ner', model='no/such')", "unknown_api"),
        ("<<<api_call>>>: torch.hub.load('pytorch/vision', 'resnet50'", "unparsable"),
        ("I would use a ResNet.", "no_call"),
        ("", "no_call"),
    ],
)
def test_each_label_on_one_reference(answer, label):
    result = scored(answer)
    assert result.labels["ast.exact"] == label
    assert bool(result.messages["ast.exact"]) == (label != "exact")


@pytest.mark.parametrize(
    ("answer", "label"),
    [
        # Python refuses these: two values for one parameter, or a positional argument too late.
        ("torch.hub.load('resnet50', repo_or_dir='pytorch/vision', pretrained=True)", "unparsable"),
        ("torch.hub.load(repo_or_dir='a/b', repo_or_dir='pytorch/vision', model='resnet50', pretrained=True)", "unparsable"),
        ("torch.hub.load(repo_or_dir='pytorch/vision', 'resnet50', pretrained=True)", "unparsable"),
        # These run something else.
        ("torch.hub.load('pytorch' / 'vision', 'resnet50', pretrained=True)", "unresolved"),
        ("torch.hub.load(pytorch/vision, resnet50, pretrained=True)", "unresolved"),
        ("torch.hub.load(pytorch/vision, 'resnet50', pretrained=True)", "unresolved"),
        ("torch.hub.load('pytorch/vision', 'resnet50', pretrained='True')", "different_argument"),
        ("torch.hub.load('pytorch/vision', 'resnet50', pretrained=True, source='local')", "outside_catalogue"),
        ("from evil import torch\ntorch.hub.load('pytorch/vision', 'resnet50', pretrained=True)", "unknown_api"),
        ("torch.hub.load('PyTorch/Vision', 'ResNet50', pretrained=True)", "unknown_api"),
        ("def f(m):\n    torch.hub.load('pytorch/vision', m, pretrained=True)\nm = 'resnet50'\nf('x')", "unknown_api"),
        # These are right in other words.
        ("import torch\nname: str = 'resnet50'\ntorch.hub.load('pytorch/vision', name, pretrained=True)", "exact"),
        ("import torch\nr, m = 'pytorch/vision', 'resnet50'\ntorch.hub.load(r, m, pretrained=True)", "exact"),
        ("import torch\na = b = 'resnet50'\nc = b\ntorch.hub.load('pytorch/vision', c, pretrained=True)", "exact"),
        ("import torch\nm = 'res' + 'net50'\ntorch.hub.load(f'pytorch/vision', m, pretrained=True)", "exact"),
        ("import torch\ndef f(m='resnet50'):\n    return torch.hub.load('pytorch/vision', m, pretrained=True)", "exact"),
        ("import torch\no = 'pytorch'\nr = f'{o}/vision'\ntorch.hub.load(r, 'resnet50', pretrained=True)", "exact"),
        ("from torch.hub import (list,  # all (of them)\n  load as get)\nget('pytorch/vision', 'resnet50', pretrained=True)", "exact"),
        ("torch.hub.load(\n  'pytorch/vision',  # repo (official)\n  model='resnet50',\n  pretrained=True,\n).eval()", "exact"),
    ],
)  # fmt: skip
def test_what_only_looks_right_and_what_only_looks_wrong(answer, label):
    assert scored(answer).labels["ast.exact"] == label


@pytest.mark.parametrize(
    "program",
    ["x = 007\n", "x = ١٢\nx x", "x = 'a\0b'\n", "x = " + "9" * 5_000, "x = 0x" + "f" * 5_000, "x = {1: {2}}\n", "x = '\ud800'\n"],
    ids=range(7),
)  # fmt: skip
def test_no_literal_of_a_program_harms_the_scoring(program):
    assert scored(f"{program}\ntorch.hub.load('a/b', x)").metrics["ast.exact"] == 0.0


def test_a_reference_that_is_no_python_accepts_itself_and_what_its_program_calls():
    reference = "torch.hub.load(repo_or_dir='a/b', 'entry', model='x', pretrained=True)"
    program = "import torch\nm = torch.hub.load('a/b', 'entry', 'x', pretrained=True)"
    assert scored(f"<<<api_call>>>: {reference}", reference, program=program).labels["ast.exact"] == "exact"
    assert scored(program, reference, program=program).labels["ast.exact"] == "exact"
    other = program.replace("'x'", "'y'")
    assert scored(other, reference, program=program).labels["ast.exact"] == "outside_catalogue"


def test_domain_counts_any_api_of_the_references_domain():
    assert scored("torch.hub.load('a/b', 'c')").metrics == {"ast.exact": 0.0, "ast.domain": 1.0, "hallucination": 0.0}
    assert scored("torch.hub.load('pytorch/vision', 'fcn_resnet50')").metrics["ast.domain"] == 0.0


def test_an_exact_answer_is_no_hallucination_though_the_catalogue_lacks_the_reference():
    call = "torch.hub.load('not/there', 'x')"
    assert scored(call, reference=call).metrics == {"ast.exact": 1.0, "ast.domain": 1.0, "hallucination": 0.0}


def test_a_function_of_the_same_name_from_another_package_is_another_function():
    reference, program = "pipeline('ner', model='x/y')", "from transformers import pipeline"
    good = "from transformers import pipeline\npipeline('ner', 'x/y')"
    assert scored(good, reference, "Tokens", program).labels["ast.exact"] == "exact"
    assert (
        scored(good.replace("transformers", "elsewhere"), reference, "Tokens", program).labels["ast.exact"]
        == "unknown_api"
    )


def test_a_reference_that_imports_from_nowhere_accepts_a_package_the_catalogue_knows():
    example = "from transformers import AutoModel\nmodel = AutoModel.from_pretrained('x')"
    rows = tuple(Api(f"AutoModel.from_pretrained('{name}')", "NLP", example=example) for name in "abc")
    metric = ast_match.make(Benchmark("toy", (), rows, "", "huggingface"))
    item = Item("1", "", "UperNet.from_pretrained('u')", "from some_module import UperNet", "Vision", "")
    for package, label in (("transformers", "exact"), ("some_module", "exact"), ("elsewhere", "unknown_api")):
        answer = f"from {package} import UperNet\nUperNet.from_pretrained('u')"
        assert metric(item, extract(answer)).labels["ast.exact"] == label


def test_listing_many_calls_does_not_find_the_right_one_among_them():
    answer = "import torch\ntorch.hub.load('a/b', 'c')\ntorch.hub.load('pytorch/vision', 'resnet50', pretrained=True)"
    assert scored(answer).labels["ast.exact"] == "wrong_model"


def test_catalogue_signatures_bind_positions_and_defaults():
    api = Api(
        "statistics.quantiles(data, n=4)", "Stats", signature="statistics.quantiles(data, *, n=4, method='exclusive')"
    )
    metric = ast_match.make(Benchmark("toy", (), (api,), "", "torchhub"))
    item = Item("1", "", api.call, "", "Stats", "")
    for call, label in (
        ("statistics.quantiles([1, 2, 3])", "exact"),
        ("statistics.quantiles(data=[1, 2], n=4, method='exclusive')", "exact"),
        ("statistics.quantiles([1, 2], n=10)", "different_argument"),
        ("statistics.quantiles(n=4)", "missing_argument"),
        ("statistics.quantiles([1, 2], method='inclusive')", "extra_argument"),
    ):
        assert metric(item, extract(call)).labels["ast.exact"] == label, call


@pytest.mark.parametrize(
    "value", ["+".join(["'a'"] * 240), "(" * 300 + "1" + ")" * 300, "-" * 400 + "1", "[" * 300 + "]" * 300]
)
def test_a_deeply_nested_argument_is_compared_and_harms_nothing(value):
    from apigauge.harness.metrics.values import constants

    benchmark = load_benchmark("mini")
    scored = ast_match.make(benchmark)(benchmark.items[0], extract(f"```python\nx = {value}\nf(x, k={value})\n```"))
    assert set(scored.metrics) == {"ast.exact", "ast.domain", "hallucination"}
    assert "x" not in constants(f"x = {value}")


@pytest.mark.parametrize(
    ("program", "scope"),
    [
        ("a = b = 'x'", {"a": "x", "b": "x"}),
        ("a, b = 1, 'x'", {"a": 1, "b": "x"}),
        ("(a, (b, c)) = (1, (2, 3))", {"a": 1, "b": 2, "c": 3}),
        ("a, b = f()", {}),
        ("a: str = 'x'\nb: int", {"a": "x"}),
        ("a = 'x'\nfor a in y: pass", {}),
        ("a = 1\na += 1", {}),
        ("with f() as a: pass\na = 1", {}),
        ("def f(m='x', *, n=2, **o): pass", {"m": "x", "n": 2}),
        ("a = 'x' 'y'\nb = f'{a}-z'\nc = f'{a!r}'\nd = f'{a:>9}'", {"a": "xy", "b": "xy-z"}),
        ("a = 'x' + 'y'\nb = (a)", {"a": "xy", "b": "xy"}),
        (
            "a = -1\nb = 1e3\nc = 0x1F\nd = 1_000\ne = 2j\nf = 1 + 2j",
            {"a": -1, "b": 1e3, "c": 31, "d": 1000, "e": 2j, "f": 1 + 2j},
        ),
        ("a = (1, 'x')\nb = [None, True]\nc = {1}\nd = {}", {"a": (1, "x"), "b": [None, True]}),
        ("a = r'\\n'\nb = '\\n'\nc = b'\\xff'\nd = '''x\ny'''", {"a": "\\n", "b": "\n", "c": b"\xff", "d": "x\ny"}),
        ("(a := 'x')", {"a": "x"}),
        ("[a for a in b]", {}),
        ("a.b = 1\na[0] = 2", {}),
        ("a = 'x'\nb = (\n", {"a": "x"}),
    ],
)
def test_names_that_stand_for_one_constant(program, scope):
    from apigauge.harness.metrics.values import constants

    assert constants(program) == scope
