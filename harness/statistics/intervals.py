"""Confidence intervals that are valid where several questions share one API.

Answers about the same API are correlated, so whole clusters are resampled, not items: the cluster bootstrap (Davison
and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8), percentile interval, with the draws that
``scipy.stats.bootstrap`` makes. Where all answers have the same score, resampling shows no spread. Where that score is
0 or 1, the exact binomial interval (Clopper and Pearson, 1934) over the number of clusters takes its place. It bounds
the mean of any score between 0 and 1, since such a mean is at most the share of answers above zero.

Two runs over the same questions are compared answer by answer, which cancels the difficulty of each question: the
resampled values are clusters of differences.
"""

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

RESAMPLES = 9_999
CONFIDENCE = 0.95
_BATCH = 1_000
SEED = 20230524  # the day Gorilla's paper appeared
BOOTSTRAP = f"cluster bootstrap, percentile, {RESAMPLES} resamples"
ONE_CLUSTER = "one cluster: no interval"


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % interval, and what is needed to reproduce both."""

    value: float
    low: float
    high: float
    n: int
    clusters: int
    method: str
    seed: int

    def to_json(self) -> dict[str, Any]:
        """As in ``summary.json``."""
        return asdict(self)


def estimate(values: Sequence[float], clusters: Sequence[str], seed: int = SEED) -> Estimate:
    """The mean of the values and its interval.

    Args:
        values: one per answer, at least one.
        clusters: the API of each answer's item, in the same order.
        seed: of the resampling; clusters are sorted by name first, so that the order of the answers does not matter.
    """
    mean, interval, count = _bootstrap(values, clusters, seed)
    shape = {"n": len(values), "clusters": count, "seed": seed}
    if len(set(values)) == 1:
        if mean not in (0.0, 1.0):
            return Estimate(mean, mean, mean, method="all values equal", **shape)
        # Clopper and Pearson's bound where none or all of ``count`` are right.
        rest = ((1 - CONFIDENCE) / 2) ** (1 / count)
        low, high = (0.0, 1 - rest) if mean == 0 else (rest, 1.0)
        return Estimate(mean, low, high, method="Clopper-Pearson over clusters", **shape)
    if interval is None:
        return Estimate(mean, 0.0, 1.0, method=ONE_CLUSTER, **shape)
    return Estimate(mean, *interval, method=BOOTSTRAP, **shape)


def paired_difference(a: Sequence[float], b: Sequence[float], clusters: Sequence[str], seed: int = SEED) -> Estimate:
    """The mean of ``b`` minus the mean of ``a`` over the same answers, and its interval.

    Args:
        a: scores between 0 and 1, one per answer, at least one.
        b: scores of the same answers to the same questions by another engine or model, in the same order.
        clusters: the API of each answer's item, in the same order.
        seed: as for :func:`estimate`.

    Returns:
        Where all differences are equal, that difference with an interval of zero width. This does not prove that the
        true difference equals it.
    """
    differences = [right - left for left, right in zip(a, b, strict=True)]
    mean, interval, count = _bootstrap(differences, clusters, seed)
    shape = {"n": len(differences), "clusters": count, "seed": seed}
    if len(set(differences)) == 1:
        same = differences[0]
        return Estimate(same, same, same, method="all differences equal", **shape)
    if interval is None:
        return Estimate(mean, -1.0, 1.0, method=ONE_CLUSTER, **shape)
    return Estimate(mean, *interval, method=BOOTSTRAP, **shape)


def _bootstrap(
    values: Sequence[float], clusters: Sequence[str], seed: int
) -> tuple[float, tuple[float, float] | None, int]:
    """The mean, its bootstrap interval (None where resampling shows no spread), and the number of clusters."""
    import numpy as np

    sums: dict[str, list[float]] = {}
    for value, cluster in sorted(zip(values, clusters, strict=True), key=lambda pair: (pair[1], pair[0])):
        sums.setdefault(cluster, []).append(value)
    totals = np.array([math.fsum(group) for group in sums.values()])
    counts = np.array([len(group) for group in sums.values()])
    mean = float(totals.sum() / counts.sum())
    if len(sums) == 1 or len(set(values)) == 1:
        return mean, None, len(sums)

    draw = np.random.default_rng(seed)
    means = []
    for start in range(0, RESAMPLES, _BATCH):
        drawn = draw.integers(0, len(totals), (min(_BATCH, RESAMPLES - start), len(totals)))
        means.append(totals[drawn].sum(axis=1) / counts[drawn].sum(axis=1))
    tail = (1 - CONFIDENCE) / 2
    low, high = np.percentile(np.concatenate(means), (100 * tail, 100 * (1 - tail)))
    return mean, (float(low), float(high)), len(sums)
