"""The one judge: the command line, the pytest plugin, the action and the Python interface all decide by it."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Self

from apigauge.benchmarks.types import Benchmark
from apigauge.errors import RunError, UsageError
from apigauge.harness.evaluation.questions import reopen_for
from apigauge.harness.gate import render
from apigauge.harness.gate.criterion import Criterion
from apigauge.harness.gate.judge import Decision, Finding, judge, without_number, worst
from apigauge.harness.gate.outcomes import Outcomes
from apigauge.harness.gate.question_scores import metric_of

# Of a generator's record, what decides how answers are drawn from a model, whichever it is.
_DRAWN = ("sampling", "prompt", "retriever", "system", "chat_template_args")


@dataclass(frozen=True, slots=True)
class Judgement:
    """A decision with everything that a report says of it.

    Attributes:
        decision: the worst of the findings.
        findings: one for each criterion.
        notes: sentences on the answers and on what the two runs do not say; warnings start with ``Warning``.
        sides: who answered: name of the side, and its description.
    """

    decision: Decision
    findings: list[Finding]
    notes: list[str]
    sides: list[tuple[str, str]]


def benchmark_of(baseline: Outcomes, run: Outcomes, data_dir: Path | None = None) -> Benchmark:
    """The benchmark that both answer, as it is on this machine.

    Raises:
        RunError: they answer different ones, or one that does not exist.
        DataError: its data is not here.
    """
    if baseline.benchmark != run.benchmark:
        raise RunError(
            f"the benchmark differs: {baseline.benchmark!r} in {baseline.path}, {run.benchmark!r} in {run.path}. "
            "They cannot be compared."
        )
    try:
        record = {"name": run.benchmark, "path": run.origin or baseline.origin, "digest": run.digest}
        return reopen_for(run.path if run.path.is_dir() else baseline.path, record, data_dir)
    except UsageError as error:
        raise RunError(f"{run.path}: {error}") from error


class Asked(NamedTuple):
    """What a decision needs of a benchmark: its name, its data's digest, and each item's API. Its texts are large."""

    name: str
    digest: str
    apis: Mapping[str, str]

    @classmethod
    def of(cls, benchmark: Benchmark) -> Self:
        """Those of a benchmark."""
        # Equal ids are one text with those of the runs, so that nothing of the benchmark is kept.
        return cls(benchmark.name, benchmark.digest, {sys.intern(item.id): item.api for item in benchmark.items})


def decide(baseline: Outcomes, run: Outcomes, criteria: Sequence[Criterion], benchmark: Benchmark | Asked) -> Judgement:
    """Judges a finished run against its baseline.

    Args:
        baseline: outcomes of the baseline.
        run: outcomes of the new run.
        criteria: at least one, as of :func:`~apigauge.harness.gate.criteria.criteria_for`.
        benchmark: what both answer, as it is on this machine.

    Raises:
        RunError: the two cannot be compared; says why.
        UsageError: a metric that does not exist.
    """
    questions = benchmark if isinstance(benchmark, Asked) else Asked.of(benchmark)
    findings = judge(baseline, run, criteria, questions.apis)
    if questions.digest != run.digest:
        raise RunError(
            f"{run.path}: it answers other data of {questions.name} ({run.digest!r}) than is here "
            f"({questions.digest!r}), so which answers are about one API is not known"
        )
    return Judgement(worst(findings), findings, notes(baseline, run, criteria), render.sides(baseline, run))


def notes(baseline: Outcomes, run: Outcomes, criteria: Sequence[Criterion]) -> list[str]:
    """Sentences on the answers, and on what the two runs do not say."""
    return [
        *render.unfinished(baseline, run),
        *render.costs(baseline, run),
        *_without_numbers(baseline, run, criteria),
        *_differently_drawn(baseline, run),
        *_unknown(baseline, run),
    ]


def _without_numbers(baseline: Outcomes, run: Outcomes, criteria: Sequence[Criterion]) -> Iterator[str]:
    for side, one, counted in (("baseline", baseline, "right"), ("run", run, "wrong")):
        for name in dict.fromkeys(metric_of(criterion.name) for criterion in criteria):
            if number := without_number(one, name):
                yield f"{number} of {len(one.rows)} answers in the {side} have no {name} and count as {counted}."


def _differently_drawn(baseline: Outcomes, run: Outcomes) -> Iterator[str]:
    """Two models may differ in anything; that they were also asked differently is easily overlooked."""
    before, after = ({name: one.model.get(name) for name in _DRAWN} for one in (baseline, run))
    if changed := [name for name in _DRAWN if before[name] != after[name]]:
        what = "; ".join(f"{name} {render.value(before[name])} became {render.value(after[name])}" for name in changed)
        yield f"Answers were drawn differently: {what}."


def _unknown(baseline: Outcomes, run: Outcomes) -> Iterator[str]:
    if not baseline.loader and not run.loader:
        yield "Which code read the benchmark is not known: both runs are of an older version of apigauge."
