"""``hubs verify``: the models of a catalogue have a typical and a wrong use, and what is measured is what happens."""

import ast
import contextlib
import json

import pytest
from sandbox_kinds import PYTHON

from apigauge.benchmarks import load_benchmark
from apigauge.harness.audit import model_uses, tensorflowhub_uses
from apigauge.harness.audit.use import Use
from apigauge.sandboxes import hubs
from apigauge.sandboxes.hubs.tensorflowhub import specification
from apigauge.sandboxes.process import ProcessSandbox

# Of the catalogues' models those for which a use is written, at least.
WRITTEN = {"huggingface": 0.80, "tensorflowhub": 1.0, "torchhub": 0.95}
RIGHT, WRONG = "print('made')\n", "raise ValueError('two\\n  lines')\n"


@pytest.mark.apibench
@pytest.mark.parametrize("hub", hubs.names())
def test_most_models_have_two_programs_that_are_python(hub, data_dir):
    uses = model_uses.uses_of(hub, load_benchmark(f"apibench-{hub}", data_dir).catalogue)
    assert len({use.model for use in uses}) == len(uses)
    written = [use for use in uses if use.typical]
    assert len(written) >= WRITTEN[hub] * len(uses)
    for use in written:
        assert use.typical != use.wrong
        ast.parse(use.typical)
        ast.parse(use.wrong)


def test_every_family_of_tensorflow_hub_has_its_uses():
    uses = tensorflowhub_uses.uses((handle.url,) for handle in specification.read())
    assert len(uses) == len(specification.read())
    assert not [use.model for use in uses if not use.typical or not use.wrong]


@pytest.mark.apibench
def test_a_pattern_chooses_models_and_the_rows_that_name_them(data_dir):
    catalogue = load_benchmark("apibench-torchhub", data_dir).catalogue
    uses = model_uses.uses_of("torchhub", catalogue, "pytorch/vision resnet18")
    assert [use.model for use in uses] == ["pytorch/vision resnet18"]
    rows = model_uses.named_by(uses, catalogue)
    assert rows
    assert all("pytorch/vision" in row.call and "resnet18" in row.call for row in rows)


@pytest.mark.bwrap
def test_a_wrong_use_counts_where_the_typical_one_runs():
    uses = [
        Use("good", "one", ("a", "b"), RIGHT, WRONG),
        Use("loose", "one", ("a", "c"), RIGHT, RIGHT),
        Use("broken", "two", ("d",), WRONG, WRONG),
        Use("ends", "two", ("d",), RIGHT, "import os\nos._exit(1)\n"),
        Use("unwritten", "three", ("e",)),
    ]
    ticks = []
    with contextlib.closing(ProcessSandbox(PYTHON, concurrency=1)) as sandbox:
        rows = [("f('a', 'b')", True), ("f('a', 'c')", False), ("g('d')", False), ("h('d')", True)]
        measured = model_uses.measure(uses, sandbox, rows, lambda: ticks.append(1))
    assert [(row.loads, row.typical, row.wrong) for row in measured.rows] == [
        (True, True, True),
        (False, True, False),
        (True, False, None),
        (True, True, False),  # ended, but by no exception: the hub has not refused it
        (None, None, None),
    ]
    assert measured.rows[0].reason == "failed: ValueError: two lines"
    assert len(ticks) == len(uses)
    of_all = {"models": 5, "load": 3, "load_of": 4, "typical": 3, "typical_of": 4, "wrong": 1, "wrong_of": 3}
    assert json.loads(json.dumps(measured.to_json()))["all"] == of_all
    lines = measured.to_lines()
    assert lines[1].split() == ["one", "2", "1", "of", "2", "2", "of", "2", "1", "of", "2"]
    assert "models whose typical use fails (1):" in lines
    assert "models whose wrong use runs (2):" in lines
    assert lines[-1] == "kinds of which no use is written: three"
