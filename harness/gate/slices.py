"""What is judged: criteria (metrics with margins), on a whole benchmark and on its slices."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError
from apigauge.harness.gate.judge import DEFAULT, Criterion
from apigauge.harness.gate.outcomes import Outcomes

KINDS = ("domain", "library")


def default_criteria(*compared: Outcomes) -> list[Criterion]:
    """The default metrics that all these outcomes have; at least ``ast.exact``."""
    names = [name for name in DEFAULT if compared and all(name in one.scorers for one in compared)]
    return [Criterion(name) for name in names or DEFAULT[:1]]


def parse_criteria(metrics: Sequence[str]) -> list[Criterion]:
    """Criteria written as NAME or NAME:MARGIN.

    Raises:
        UsageError: one is not of that form, or a metric is given twice.
    """
    criteria = []
    for metric in metrics:
        name, colon, margin = metric.partition(":")
        try:
            criteria.append(Criterion(name, float(margin)) if colon else Criterion(name))
        except ValueError:
            raise UsageError(f"metric {metric}: the form is NAME or NAME:MARGIN, such as ast.exact:0.02") from None
        if not criteria[-1].margin > 0:
            raise UsageError(f"metric {metric}: the margin must be above 0")
    if len({one.name for one in criteria}) < len(criteria):
        raise UsageError("one metric is given twice")
    return criteria


def split(benchmark: Benchmark, kinds: Sequence[str]) -> dict[str, frozenset[str]]:
    """The items of each slice, such as ``domain:Translation``; within a kind the largest slice first.

    Raises:
        UsageError: there is no such kind of slice.
    """
    slices: dict[str, frozenset[str]] = {}
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(f"slice {kind}: a benchmark can be cut by {' or '.join(KINDS)}")
        members: dict[str, set[str]] = defaultdict(set)
        for item in benchmark.items:
            members[f"{kind}:{_value(benchmark, item, kind)}"].add(item.id)
        by_size = sorted(members.items(), key=lambda entry: (-len(entry[1]), entry[0]))
        slices |= {name: frozenset(items) for name, items in by_size}
    return slices


def with_slices(
    criteria: Sequence[Criterion], slices: dict[str, frozenset[str]], run: Outcomes | None = None
) -> list[Criterion]:
    """Each criterion on the whole benchmark and then on each slice; without those that a run has no answer to."""
    answered = {item for item, _ in run.rows} if run else None
    kept = {name: items for name, items in slices.items() if answered is None or items & answered}
    return [
        one
        for criterion in criteria
        for one in (criterion, *(replace(criterion, slice=name, items=items) for name, items in kept.items()))
    ]


def _value(benchmark: Benchmark, item: Item, kind: str) -> str:
    """An item's domain or library."""
    if kind == "domain":
        return item.domain
    from apigauge.harness.audit.references import library

    return library(benchmark, item.reference_call, item.reference_program)
