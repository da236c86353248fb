"""What a gate judges: a metric, its margin, and the slice of the benchmark."""

from dataclasses import dataclass

from apigauge.harness.metrics.table import TOP

# Of a metric's range.
MARGIN = 0.05


@dataclass(frozen=True, slots=True)
class Criterion:
    """A metric to judge.

    Attributes:
        name: of the metric, or METRIC.pass@K or METRIC.consistency.
        margin: the loss that a pass rules out, in the metric's own unit.
        slice: the slice of the benchmark it is judged on, such as ``domain:Translation``; empty for all of it.
        items: the items of that slice; None for all.
    """

    name: str
    margin: float = MARGIN
    slice: str = ""
    items: frozenset[str] | None = None

    @property
    def share(self) -> float:
        """The margin as a share of the metric's range."""
        return self.margin / TOP.get(self.name, 1.0)
