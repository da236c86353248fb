"""Intervals that hold when several questions ask for one API.

Answers to questions about the same API stand or fall together, so whole clusters are drawn, not items: the cluster
bootstrap (Davison and Hinkley, "Bootstrap Methods and their Application", 1997, section 3.8), percentile interval, by
``scipy.stats.bootstrap``. Where every answer scores alike, resampling shows no spread; for a metric of zeros and ones
the exact binomial interval (Clopper and Pearson, 1934) over the number of clusters takes its place. It bounds the mean
of any score between 0 and 1, since such a mean is at most the share of answers above zero.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

RESAMPLES = 9_999
CONFIDENCE = 0.95
SEED = 20230524  # the day Gorilla's paper appeared


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean with its 95 % interval, and what is needed to derive both again."""

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
        clusters: the API each answer was to name, in the same order.
        seed: of the resampling; the clusters are drawn in the order of their names, so that the order of the answers
            does not matter.
    """
    import numpy as np
    from scipy import stats

    sums: dict[str, list[float]] = {}
    for value, cluster in sorted(zip(values, clusters, strict=True), key=lambda pair: (pair[1], pair[0])):
        sums.setdefault(cluster, []).append(value)
    totals = np.array([sum(group) for group in sums.values()])
    counts = np.array([len(group) for group in sums.values()])
    mean = float(totals.sum() / counts.sum())
    shape = {"n": len(values), "clusters": len(sums), "seed": seed}
    if len(set(values)) == 1:
        if mean not in (0.0, 1.0):
            return Estimate(mean, mean, mean, method="all values equal", **shape)
        exact = stats.binomtest(round(mean * len(sums)), len(sums)).proportion_ci(CONFIDENCE, method="exact")
        return Estimate(mean, float(exact.low), float(exact.high), method="Clopper-Pearson over clusters", **shape)
    if len(sums) == 1:
        return Estimate(mean, 0.0, 1.0, method="one cluster: no interval", **shape)

    def ratio(total: Any, count: Any, axis: int = -1) -> Any:
        return total.sum(axis=axis) / count.sum(axis=axis)

    interval = stats.bootstrap(
        (totals, counts),
        ratio,
        paired=True,
        vectorized=True,
        n_resamples=RESAMPLES,
        batch=1_000,
        confidence_level=CONFIDENCE,
        method="percentile",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    method = f"cluster bootstrap, percentile, {RESAMPLES} resamples"
    return Estimate(mean, float(interval.low), float(interval.high), method=method, **shape)
