"""The upstream scorer's verdicts, all of them, and the shapes of text that decide how it cuts an answer."""

import json

import pytest

from apigauge import load_benchmark
from apigauge.harness.metrics import ast_gorilla

HUBS = ("huggingface", "tensorflowhub", "torchhub")
TABLE = {
    "huggingface_FT_0_shot": (0.6936, 0.1095),
    "huggingface_FT_bm25": (0.1051, 0.4690),
    "huggingface_FT_gpt_index": (0.2622, 0.4159),
    "huggingface_RT_0_shot": (0.8949, 0.0653),
    "huggingface_RT_bm25": (0.1571, 0.0642),
    "huggingface_RT_oracle": (0.8927, 0.0697),
    "tensorflowhub_FT_0_shot": (0.8380, 0.0540),
    "tensorflowhub_FT_gpt_index": (0.5270, 0.1927),
    "tensorflowhub_FT_oracle": (0.8321, 0.1299),
    "tensorflowhub_RT_0_shot": (0.0000, 1.0000),
    "tensorflowhub_RT_bm25": (0.4190, 0.0277),
    "tensorflowhub_RT_gpt_index": (0.6496, 0.0234),
    "torchhub_FT_0_shot": (0.7581, 0.1613),
    "torchhub_FT_bm25": (0.4462, 0.1720),
    "torchhub_FT_oracle": (0.5914, 0.3925),
    "torchhub_RT_0_shot": (0.0000, 0.0000),
    "torchhub_RT_gpt_index": (0.7688, 0.0323),
    "torchhub_RT_oracle": (0.9301, 0.0699),
}


def rows(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]


@pytest.fixture(scope="module")
def hubs(data_dir):
    loaded = {}
    for hub in HUBS:
        benchmark = load_benchmark(f"apibench-{hub}", data_dir)
        loaded[hub] = ast_gorilla.read_catalogue(benchmark), {item.id: item.domain for item in benchmark.items}
    return loaded


def verdicts(hubs, data_dir, name):
    hub = name.split("_", 1)[0]
    catalogue, domains = hubs[hub]
    answers = rows(data_dir / "responses" / f"response_{name.replace('_', '_Gorilla_', 1)}.jsonl")
    return {
        a["question_id"]: ast_gorilla.judge(hub, catalogue, a["text"], domains[str(a["question_id"])]) for a in answers
    }


# Where tree-sitter 0.26 recovers from an error otherwise than the 0.20 that upstream had.
OTHERWISE = {
    ("huggingface_FT_bm25", 360): ("wrong", 552),
    ("huggingface_FT_bm25", 763): ("hallucination", -1),
}


def upstream_verdicts(data_dir, name):
    return {
        row["question_id"]: (row["verdict"], row["api_index"])
        for row in rows(data_dir / "reference_verdicts" / f"{name}.jsonl")
    }


@pytest.mark.apibench
@pytest.mark.grammar
@pytest.mark.parametrize("name", TABLE)
def test_every_released_answer_but_two_gets_upstreams_verdict_and_row(hubs, data_dir, name):
    assert "tree-sitter-languages 1.9.1" in ast_gorilla.version()
    ours = verdicts(hubs, data_dir, name)
    upstream = upstream_verdicts(data_dir, name)
    assert len(upstream) == {"huggingface": 904, "tensorflowhub": 685, "torchhub": 186}[name.split("_")[0]]
    differing = {(name, key): tuple(ours[key]) for key in upstream if tuple(ours[key]) != upstream[key]}
    assert differing == {key: verdict for key, verdict in OTHERWISE.items() if key[0] == name}
    shares = [sum(v.verdict == kind for v in ours.values()) / len(ours) for kind in ("correct", "hallucination")]
    assert tuple(round(share, 4) for share in shares) == TABLE[name]


@pytest.mark.apibench
def test_without_upstreams_grammar_29_verdicts_differ_and_none_on_torch_hub(hubs, data_dir, monkeypatch):
    monkeypatch.setattr(ast_gorilla, "upstream_parser", lambda: None)
    differing, accuracy = {}, 0
    for name in TABLE:
        upstream, ours = upstream_verdicts(data_dir, name), verdicts(hubs, data_dir, name)
        differing[name] = sum(tuple(ours[key]) != upstream[key] for key in upstream)
        accuracy += sum((ours[key].verdict == "correct") != (upstream[key][0] == "correct") for key in upstream)
    assert (sum(differing.values()), accuracy) == (29, 15)
    assert not any(count for name, count in differing.items() if name.startswith("torchhub"))
    assert "strings in the old shape" in ast_gorilla.version()


@pytest.mark.apibench
def test_a_constant_call_scores_far_above_what_it_is_worth(data_dir):
    from apigauge.harness.extraction.extract import extract
    from apigauge.harness.metrics.registry import make_metrics, score

    benchmark = load_benchmark("apibench-torchhub", data_dir)
    metrics = make_metrics(["ast_match", "ast_gorilla"], benchmark)
    answer = extract(
        "{'api_call': \"torch.hub.load(repo_or_dir='pytorch/vision:v0.10.0', model='resnet50', pretrained=True)\"}"
    )
    scores = [score(metrics, item, answer).metrics for item in benchmark.items]
    assert round(sum(s["ast.gorilla"] for s in scores) / len(scores), 4) == 0.8495
    assert sum(s["ast.exact"] for s in scores) / len(scores) <= 0.05


@pytest.mark.parametrize(
    ("hub", "text", "source"),
    [
        ("torchhub", "torch.hub.load('a', 'b')", None),
        ("huggingface", "torch.hub.load('a', 'b')", "torch.hub.load('a', 'b')"),
        ("torchhub", "<<<api_call>>>: f(1)\n<<<api_provider>>>: x(2)", "f(1)"),
        ("torchhub", "'api_call': 'f(1)', 'api_provider': g()", "'f(1)"),
        ("torchhub", "api_call f(1) api_call g(2)", "(1)"),
        ("torchhub", "<<<api_call>>>: no bracket", "no bracke"),
        ("torchhub", "api_call", ""),
    ],
)
def test_an_answer_is_cut_where_upstream_cuts_it(hub, text, source):
    assert ast_gorilla.call_text(hub, text) == source


def test_an_answer_of_more_than_a_million_characters_is_not_parsed():
    from apigauge import extract

    benchmark = load_benchmark("mini")
    scored = ast_gorilla.make(benchmark)(benchmark.items[0], extract("(" * 1_000_001))
    assert scored.metrics == {"ast.gorilla": 0.0, "hallucination.gorilla": 0.0}
    assert scored.labels == {"ast.gorilla": "too_long"}
