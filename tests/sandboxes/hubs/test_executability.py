"""APIBench's own programs in the stand-in hubs: what loads, what the references score, and which faults are caught."""

import contextlib
import dataclasses
import math
import os

import labelled_programs
import pytest
import reference_mutations

from apigauge.benchmarks import load_benchmark
from apigauge.benchmarks.types import api_key
from apigauge.harness.audit.hub_coverage import PROMISED, cover
from apigauge.harness.audit.references import program_answers, run_references
from apigauge.harness.evaluation.execution import executed
from apigauge.harness.metrics.observed_calls import ObservedCalls
from apigauge.sandboxes.verdict import Limits

pytestmark = [pytest.mark.apibench, pytest.mark.slow]

# Of the references, those whose call returns: over all, and over the sound ones. Of Hugging Face's catalogue 0.90 was to
# load. 116 of its 936 APIs cannot load anywhere, so the bound is 0.87; it must not fall behind the 0.8397 it has reached.
CEILINGS = {"huggingface": (0.75, 0.90), "tensorflowhub": (0.90, 0.99), "torchhub": (0.90, 0.99)}
LOADED = PROMISED | {"huggingface": 0.83}
LOADABLE = 0.95
# Of the references whose call returns, those that make the reference's call; 3 % of Hugging Face's make another.
EXACT = 0.95
CAUGHT = 0.98
# Variants of each kind of fault and rewriting in a test; `make bench` takes more.
SAMPLE = 12
# Programs that are run twice, about.
AGAIN = 45
# Every sixth program and row is run; `make hub-checks` runs all, which takes two cores a quarter of an hour.
EVERY = int(os.environ.get("APIGAUGE_EVERY", "6"))


HUBS = ("torchhub", "tensorflowhub", "huggingface")


# One process for all tests of a hub: its references take minutes, and are run once for all of them.
PARAMS = [pytest.param(name, marks=[pytest.mark.docker(name), pytest.mark.xdist_group(f"hub-{name}")]) for name in HUBS]


@pytest.fixture(scope="module", params=PARAMS)
def hub(request):
    return request.param


@pytest.fixture(scope="module")
def benchmark(hub, data_dir):
    return load_benchmark(f"apibench-{hub}", data_dir)


@pytest.fixture(scope="module")
def sampled(benchmark):
    return dataclasses.replace(benchmark, rows=benchmark.rows[::EVERY], answers=benchmark.answers[::EVERY])


def least(share, count):
    """How many of ``count`` reach the share that holds for all: as many, less two standard errors of a sample."""
    return share * count - (2 * math.sqrt(share * (1 - share) * count) if EVERY > 1 else 0)


@pytest.fixture(scope="module")
def sandbox(hub, sandbox_of):
    return sandbox_of(hub)


@pytest.fixture(scope="module")
def observed(benchmark):
    return ObservedCalls(benchmark)


@pytest.fixture(scope="module")
def references(sampled, sandbox, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("apigauge.harness.evaluation.ceilings.folder", lambda: tmp_path_factory.mktemp("ceilings"))
        return run_references(sampled, sandbox)


def test_the_catalogue_loads_through_its_own_calls(hub, sampled, sandbox, references):
    """A row that its reference has loaded need not be loaded again: of these every tenth is, and all other rows are.

    ``apigauge hubs verify`` runs every row.
    """
    apis = {row.id: row.api for row in sampled.rows}
    loaded = {apis[one.row] for one in references.references if one.metrics.get("exec.call") == 1}
    tried = sampled.catalogue[::EVERY]
    by_reference = [row for row in tried if api_key(row.call) in loaded]
    again, others = by_reference[::10], [row for row in tried if api_key(row.call) not in loaded]
    coverage = cover(dataclasses.replace(sampled, catalogue=(*others, *again)), sandbox)
    assert len(coverage.rows) == len(others) + len(again)
    text = "\n".join(coverage.to_lines())
    assert sum(row.ok for row in coverage.rows[len(others) :]) >= least(LOADABLE, len(again)), text
    saved = len(by_reference) - len(again)
    ok, loadable = sum(row.ok for row in coverage.rows) + saved, coverage.loadable + saved
    assert ok >= least(LOADED[hub], len(tried)), text
    assert ok >= least(LOADABLE, loadable), text


def test_the_references_reach_their_ceiling(hub, references):
    assert not references.infra_error_rate
    over_all, over_sound = CEILINGS[hub]
    sound = references.sound()
    count = len(references.references)
    assert references.metrics["exec.call"] * count >= least(over_all, count), "\n".join(references.to_lines())
    assert sum(one.metrics["exec.call"] for one in sound) >= least(over_sound, len(sound))
    made = [one for one in references.references if one.metrics.get("exec.call") == 1]
    assert sum(one.metrics["exec.exact"] for one in made) >= least(EXACT, len(made))


def test_a_second_run_gives_the_same_verdicts(sampled, sandbox, references, observed):
    """Some programs once more, behind others than before."""
    answers = list(program_answers(sampled))
    answers = answers[:: -max(10, len(answers) // AGAIN)]
    with contextlib.closing(executed(answers, sandbox, observed)) as finished:
        rows = list(finished)
    again = {answer["item"]: (answer["labels"]["exec.rate"], answer["metrics"]) for answer in rows}
    before = {one.row: (one.label, one.metrics) for one in references.references}
    assert again == {row: before[row] for row in again}
    # A program close to the limit would pass on one machine and not on a busier one.
    used = {row["item"]: row["verdict"]["evidence"].get("cpu_seconds", 0.0) for row in rows}
    assert {item: seconds for item, seconds in used.items() if seconds > Limits().cpu_seconds / 2} == {}


def test_the_sandbox_sees_the_call_that_a_careful_reader_sees(benchmark, sandbox, observed):
    wrong = labelled_programs.unexpected(benchmark, sandbox, observed)
    assert not wrong, "\n".join(wrong)


def test_faults_are_caught_and_rewritings_pass(benchmark, sandbox, references):
    outcomes = reference_mutations.judge(sandbox, benchmark, references, SAMPLE)
    missed = [f"{one.variant.kind}: {one.reason}\n{one.variant.source}" for one in outcomes if not one.as_expected]
    report = "\n\n".join(["\n".join(reference_mutations.table(outcomes)), *missed])
    for is_fault in (True, False):
        group = [one.as_expected for one in outcomes if one.is_fault == is_fault]
        assert sum(group) >= CAUGHT * len(group), report
