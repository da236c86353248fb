"""Answers that were labelled from the documented definitions before anything scored them.

``labelled/README.md`` says how, and what each field means.
"""

import json
from collections import Counter
from itertools import product
from pathlib import Path

import pytest

import apigauge

TABLE = Path(__file__).parent / "labelled" / "answers.jsonl"
CASES = [json.loads(line) for line in TABLE.read_text(encoding="utf-8").split("\n")[:-1]]
STYLES = ("bare", "chat", "reasoning", "tool", "script")
BENCHMARKS = ("mini", "apibench-torchhub", "apibench-tensorflowhub", "apibench-huggingface")


def parameter(case):
    marks = () if case["benchmark"] == "mini" else pytest.mark.apibench
    return pytest.param(case, id=case["case"], marks=marks)


@pytest.mark.parametrize("case", map(parameter, CASES))
def test_an_answer_is_scored_as_a_careful_reader_labelled_it(case):
    score = apigauge.score_answer(case["text"], case["item"], benchmark=case["benchmark"])
    expected = {name: value for name, value in case["expected"].items() if name != "exec.exact"}
    scored = {
        "ast.exact": score.metrics["ast.exact"],
        "label": score.labels["ast.exact"],
        "hallucination": score.metrics["hallucination"],
    }
    assert {name: scored[name] for name in expected} == expected, f"{case['why']} Call: {score.call}"


def test_the_table_has_every_style_on_every_benchmark():
    counts = Counter((case["style"], case["benchmark"]) for case in CASES)
    assert set(counts) == set(product(STYLES, BENCHMARKS))
    assert min(counts.values()) >= 10
    assert len(CASES) >= 240
    assert len({case["case"] for case in CASES}) == len({case["text"] for case in CASES}) == len(CASES)
