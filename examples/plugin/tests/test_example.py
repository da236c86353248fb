"""What the plugin adds does what it says. ``pip install '.[test]'``, then ``pytest``."""

import json
from types import SimpleNamespace

import pytest
from apigauge_example import length, markdown, random_rows, silent, size

import apigauge
from apigauge.harness.extraction.extract import extract
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.plugins.rlaif.labelers.types import Answer
from apigauge.sandboxes import Verdict


@pytest.fixture(scope="module")
def wrapping():
    return apigauge.load_benchmark("wrapping")


def test_the_references_are_right_by_every_static_metric(wrapping):
    for item in wrapping.items:
        scored = apigauge.score_answer(item.reference_program, item)
        assert scored.metrics["ast.exact"] == scored.metrics["example.imports"] == 1.0
        assert scored.metrics["example.lines"] == 3.0


@pytest.mark.parametrize(
    ("program", "label"),
    [
        ("import textwrap", "equal"),
        ("from textwrap import wrap", "equal"),
        ("print(1)", "missing"),
        ("import os, textwrap", "more"),
        ("import (", "missing"),
    ],
)
def test_imports_are_compared_by_package(wrapping, program, label):
    scored = size.make(wrapping)(wrapping.items[0], SimpleNamespace(program=program))
    assert scored.labels == {"example.imports": label}
    assert scored.metrics["example.imports"] == float(label == "equal")


def test_lines_are_counted_up_to_twenty(wrapping):
    program = "import textwrap\n\n# a comment\n" + "print(1)\n" * 30
    assert size.count_lines("a = 1\n\n  # no\nb = 2\n") == 2
    scored = size.make(wrapping)(wrapping.items[0], extract(f"```python\n{program}```"))
    assert scored.metrics["example.lines"] == 20.0


def test_a_program_that_complains_is_not_silent(wrapping):
    metric = silent.make(wrapping)
    for stderr, value in (("Traceback", 0.0), ("", 1.0)):
        verdict = Verdict("passed", 4, evidence={"stderr": stderr})
        assert metric(wrapping.items[0], verdict).metrics == {"example.silent": value}


def test_random_rows_are_the_same_for_a_seed_whatever_is_done(wrapping):
    def answers(seed, done=()):
        generator = random_rows.open_generator(seed, ModelOptions(sampling=Sampling(samples=3, temperature=1.0)))
        return {(one.item, one.sample): one.text for one in generator.generate(wrapping, wrapping.items, done)}

    everything = answers("1")
    assert len(everything) == 24
    done = set(list(everything)[:10])
    assert answers("1", done) == {key: text for key, text in everything.items() if key not in done}
    assert answers("2") != everything
    with pytest.raises(apigauge.UsageError, match="give a whole number"):
        random_rows.open_generator("x", ModelOptions())


def test_the_labeler_prefers_short_programs(wrapping):
    item = wrapping.items[0]
    answers = [Answer(item, 0, item.reference_program), Answer(item, 1, "no program"), Answer(item, 2, "x = 1\n" * 9)]
    labelled = dict(length.open_labeler(wrapping, "3").label(answers, {(item.id, 9)}))
    assert next(labels.answers["short"] for labels in labelled.values())
    assert [labels.score for labels in labelled.values()] == [2, 0, 1]


def test_the_table_has_a_row_for_each_run_and_a_column_for_each_metric(tmp_path):
    runs = [
        SimpleNamespace(benchmark="wrapping", spec="random:1", summary={"metrics": {"ast.exact": {"value": 0.5}}}),
        SimpleNamespace(benchmark="wrapping", spec="random:2", summary={"metrics": {"rouge.1": {"value": 0.25}}}),
    ]
    assert markdown.write_markdown(runs, tmp_path).read_text().splitlines() == [
        "| benchmark | model | ast.exact | rouge.1 |",
        "|---|---|---:|---:|",
        "| wrapping | random:1 | 0.5000 |  |",
        "| wrapping | random:2 |  | 0.2500 |",
    ]


def test_a_run_names_the_package(tmp_path):
    run = apigauge.run("wrapping", "random:1", out=tmp_path / "run", metrics=["example.lines"], limit=2)
    assert run.manifest["generator"]["package"].startswith("apigauge-example ")
    assert (
        json.loads((tmp_path / "run" / "manifest.json").read_text())["plugin_metrics"]["example.lines"]["top"] == 20.0
    )
