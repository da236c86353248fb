"""Confidence intervals that are valid where several questions share one API.

Answers about the same API are correlated, so the API's mean counts, not the single answer. The bounds are Gaffke's
(bounded_mean.py): they hold with few and unequal clusters, for scores between 0 and 1 of any distribution, and
where all answers score alike.

Two runs over the same questions are compared answer by answer, which cancels the difficulty of each question: the
values are differences, between -1 and 1.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from apigauge.harness.statistics.bounded_mean import Clusters, clusters_of, lower_bound, upper_bound

CONFIDENCE = 0.95
# One-sided error rate of either end of an interval.
TAIL = (1 - CONFIDENCE) / 2
SEED = 20230524  # the day Gorilla's paper appeared
METHOD = "Gaffke's bounds over clusters"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % interval, and how it was made.

    Attributes:
        value: the mean.
        low: lower end of the interval.
        high: upper end of the interval.
        n: number of answers.
        clusters: number of APIs.
        effective_clusters: how many APIs with equally many answers would say as much (Kish, "Survey Sampling", 1965).
        method: of the interval.
        seed: of the interval; none, since nothing is drawn. Older versions drew.
    """

    value: float
    low: float
    high: float
    n: int
    clusters: int
    effective_clusters: float
    method: str = METHOD
    seed: int | None = None

    def to_json(self) -> dict[str, Any]:
        """As in ``summary.json``."""
        return asdict(self)


def estimate(values: Sequence[float], clusters: Sequence[str]) -> Estimate:
    """The mean of the values and its interval.

    Args:
        values: one per answer, at least one; between 0 and 1. The interval of others holds if none can lie further out.
        clusters: the API of each answer's item, in the same order. The order of the answers does not matter.
    """
    return _estimate(values, clusters, (min(0.0, *values), max(1.0, *values)))


def paired_difference(a: Sequence[float], b: Sequence[float], clusters: Sequence[str]) -> Estimate:
    """The mean of ``b`` minus the mean of ``a`` over the same answers, and its interval.

    Args:
        a: scores between 0 and 1, one per answer, at least one.
        b: scores of the same answers to the same questions by another engine or model, in the same order.
        clusters: the API of each answer's item, in the same order.
    """
    differences = [right - left for left, right in zip(a, b, strict=True)]
    return _estimate(differences, clusters, (min(-1.0, *differences), max(1.0, *differences)))


def gather(values: Sequence[float], clusters: Sequence[str]) -> tuple[float, Clusters]:
    """The mean of the values, and the values by cluster."""
    import numpy as np

    groups: dict[str, list[float]] = {}
    for value, cluster in zip(values, clusters, strict=True):
        groups.setdefault(cluster, []).append(value)
    totals = np.array([math.fsum(group) for group in groups.values()])
    sizes = np.array([float(len(group)) for group in groups.values()])
    return math.fsum(values) / len(values), clusters_of(totals, sizes)


def _estimate(values: Sequence[float], clusters: Sequence[str], limits: tuple[float, float]) -> Estimate:
    mean, data = gather(values, clusters)
    low, high = lower_bound(data, TAIL, limits[0]), upper_bound(data, TAIL, limits[1])
    # Bounds are rounded; a mean at a limit is not left out for that.
    return Estimate(
        value=mean,
        low=min(low, mean),
        high=max(high, mean),
        n=len(values),
        clusters=int(data.counts.sum()),
        effective_clusters=round(float(data.effective[0]), 2),
    )
