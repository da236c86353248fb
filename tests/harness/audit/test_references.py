"""The references' own results: what each failure is attributed to, and the ceiling, which only an equal sandbox has."""

import dataclasses

import pytest

from apigauge.benchmarks.types import Api, Benchmark, Item, api_key
from apigauge.harness.audit.references import ceilings, program_answers, run_references

CALL = "statistics.quantiles([1, 2, 3, 4], n=4)"
GOOD = f"import statistics\n{CALL}"
# Reference program, and what its failure is attributed to.
ROWS = {
    "good": (GOOD, None),
    "not Python": (f"{GOOD}\n(", "benchmark"),
    "undefined": (f"import statistics\nprint(scores)\n{CALL}", "benchmark"),
    "no call": ("import statistics\nprint(1)", "benchmark"),
    "given twice": ("import statistics\nstatistics.quantiles([1, 2], data=[1, 2])", "benchmark"),
    "not installed": (f"import nothing_of_that_name\n{GOOD}", "environment"),
    "stops later": (f"{GOOD}\n1 / 0", "ours"),
}
# References without a program, and what their failure is attributed to.
ALONE = {
    "a call alone": (CALL, "ours"),
    "a call alone that fails": ("statistics.quantiles([1, 2], data=[1, 2])", "benchmark"),
    "a call alone of what is nowhere imported": ("nowhere.quantiles([1, 2])", "benchmark"),
}


@pytest.fixture
def benchmark():
    items = tuple(Item(name, "do it", CALL, program, "numbers", api_key(CALL)) for name, (program, _) in ROWS.items())
    return Benchmark("toy", items, (Api(CALL, "numbers"),), "digest", "torchhub", rows=items)


@pytest.fixture(scope="module")
def sandbox(process_sandbox):
    return process_sandbox()


@pytest.fixture
def execution(benchmark, sandbox):
    return run_references(benchmark, sandbox)


def test_each_failure_is_attributed(execution):
    assert {one.row: one.attribution for one in execution.references} == {name: to for name, (_, to) in ROWS.items()}
    assert execution.attributions() == {
        "exec.call": {"benchmark": 4, "environment": 1, "ours": 0},
        "exec.rate": {"benchmark": 4, "environment": 1, "ours": 1},
    }
    assert execution.metrics == {"exec.call": pytest.approx(2 / 7), "exec.rate": pytest.approx(1 / 7)}
    assert {one.row for one in execution.references} - {one.row for one in execution.installed()} == {"not installed"}


def test_results_are_listed_by_library_and_outcome(execution):
    assert execution.by_library()["statistics"]["programs"] == 7
    assert execution.by_label()["failed/import"] == {"references": 1, "benchmark": 0, "environment": 1, "ours": 0}
    text = "\n".join(execution.to_lines())
    assert "row stops later: failed/other (ours): ZeroDivisionError" in text
    missed = text[text.index("references that miss exec.rate") :]
    assert "benchmark: 4\n       1  not Python" in missed
    assert "environment: 1\n       1  a library that is not installed" in missed
    assert "ours: 1\n       1  until shown otherwise" in missed


def test_the_ceiling_is_over_the_items_asked_and_only_for_an_equal_sandbox(benchmark, sandbox, execution):
    about = sandbox.describe()
    assert ceilings.load(benchmark, about, ["good"]) == {"exec.call": 1.0, "exec.rate": 1.0}
    assert ceilings.load(benchmark, about, ["good", "stops later"]) == {"exec.call": 1.0, "exec.rate": 0.5}
    assert ceilings.load(benchmark, about | {"hub": {"mode": "live"}}, ["good"]) == {}
    assert ceilings.load(dataclasses.replace(benchmark, digest="another"), about, ["good"]) == {}
    assert ceilings.load(benchmark, about, ["unknown"]) == {}
    assert ceilings.load(benchmark, None, ["good"]) == {}


def test_reference_answers_are_extracted_like_a_model_s(benchmark):
    answer = f"<<<api_call>>>: {CALL}\n<<<code>>>: {GOOD}\nprint('more than the reference program has')"
    one = dataclasses.replace(benchmark, rows=benchmark.rows[:1], answers=(answer,))
    (row,) = program_answers(one)
    assert row["extraction"]["call"] == CALL
    assert row["extraction"]["program"].endswith("reference program has')")


def test_a_call_alone_is_attributed_by_what_it_does_once_its_name_is_imported(benchmark, sandbox):
    alone = [Item(name, "do it", call, "", "numbers", api_key(call)) for name, (call, _) in ALONE.items()]
    execution = run_references(dataclasses.replace(benchmark, rows=(*alone, *benchmark.rows[:1])), sandbox)
    assert {one.row: one.attribution for one in execution.references} == {"good": None} | {
        name: attribution for name, (_, attribution) in ALONE.items()
    }
    assert {one.row for one in execution.sound()} == {"good"}
    # It is run as the answer has it.
    assert {one.label for one in execution.references if one.row in ALONE} == {"failed/name"}
    assert execution.metrics == {"exec.call": 0.25, "exec.rate": 0.25}


def test_a_call_of_an_object_is_the_call_that_made_the_object(benchmark, sandbox):
    call = "pattern.findall(text)"
    program = "import re\ntext = 'a1b2'\npattern = re.compile('[0-9]')\npattern.findall(text)"
    item = Item("object", "do it", call, program, "numbers", api_key(call))
    execution = run_references(dataclasses.replace(benchmark, rows=(item,)), sandbox)
    assert execution.metrics == {"exec.call": 1.0, "exec.rate": 1.0}
