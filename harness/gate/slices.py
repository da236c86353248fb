"""What is judged: metrics, on a whole benchmark and on parts of it."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError
from apigauge.harness.gate.judge import DEFAULT, Asked
from apigauge.harness.gate.outcomes import Outcomes

KINDS = ("domain", "library")


def default(*compared: Outcomes) -> list[Asked]:
    """The metrics to judge where none is named: those that all these have; at least ``ast.exact``."""
    names = [name for name in DEFAULT if compared and all(name in one.scorers for one in compared)]
    return [Asked(name) for name in names or DEFAULT[:1]]


def named(metrics: Sequence[str]) -> list[Asked]:
    """The metrics to judge, each as NAME or NAME:MARGIN.

    Raises:
        UsageError: one is not of that form, or is given twice.
    """
    found = []
    for metric in metrics:
        name, given, margin = metric.partition(":")
        try:
            found.append(Asked(name, float(margin)) if given else Asked(name))
        except ValueError:
            raise UsageError(f"metric {metric}: the form is NAME or NAME:MARGIN, such as ast.exact:0.02") from None
        if not found[-1].margin > 0:
            raise UsageError(f"metric {metric}: the margin must be above 0")
    if len({one.name for one in found}) < len(found):
        raise UsageError("one metric is given twice")
    return found


def split(benchmark: Benchmark, kinds: Sequence[str]) -> dict[str, frozenset[str]]:
    """The items of each part, such as ``domain:Translation``; the largest of a kind first.

    Raises:
        UsageError: there is no such kind of part.
    """
    parts: dict[str, frozenset[str]] = {}
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(f"slice {kind}: a benchmark can be cut by {' or '.join(KINDS)}")
        found: dict[str, set[str]] = defaultdict(set)
        for item in benchmark.items:
            found[f"{kind}:{_of(benchmark, item, kind)}"].add(item.id)
        parts |= {
            name: frozenset(items) for name, items in sorted(found.items(), key=lambda part: (-len(part[1]), part[0]))
        }
    return parts


def with_parts(asked: Sequence[Asked], parts: dict[str, frozenset[str]]) -> list[Asked]:
    """Each metric on the whole benchmark and then on each part."""
    return [
        one
        for metric in asked
        for one in (metric, *(replace(metric, part=name, items=items) for name, items in parts.items()))
    ]


def _of(benchmark: Benchmark, item: Item, kind: str) -> str:
    if kind == "domain":
        return item.domain
    from apigauge.harness.audit.references import library

    return library(benchmark, item.reference_call, item.reference_program)
