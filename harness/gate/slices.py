"""The slices of a benchmark that criteria are judged on as well."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError
from apigauge.harness.gate.criterion import Criterion

KINDS = ("domain", "library")


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


def with_slices(criteria: Sequence[Criterion], slices: dict[str, frozenset[str]]) -> list[Criterion]:
    """Each criterion on the whole benchmark and then on each slice."""
    return [
        one
        for criterion in criteria
        for one in (criterion, *(replace(criterion, slice=name, items=items) for name, items in slices.items()))
    ]


def _value(benchmark: Benchmark, item: Item, kind: str) -> str:
    """An item's domain or library."""
    if kind == "domain":
        return item.domain
    from apigauge.harness.audit.references import library

    return library(benchmark, item.reference_call, item.reference_program)
