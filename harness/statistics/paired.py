"""Paired contrasts of two runs: by how much each metric differs, and whether the difference is significant.

The tests are the gate's (significance.py) but two-sided, since neither run is assumed to be the better one. Intervals
are not adjusted for the number of metrics; p-values are.
"""

import math
from array import array
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from apigauge.harness.metrics.table import LOWER_IS_BETTER, TOP
from apigauge.harness.statistics.intervals import Estimate, paired_difference
from apigauge.harness.statistics.power import minimum_detectable
from apigauge.harness.statistics.significance import ALPHA, Pairs, differ, holm, mcnemar, pairs


@dataclass(frozen=True, slots=True)
class Scores:
    """A metric's scores of the answers that have it in both runs, and the API of each answer's item."""

    a: Sequence[float]
    b: Sequence[float]
    apis: Sequence[str]


@dataclass(frozen=True, slots=True)
class Contrast:
    """The paired contrast of a metric in two runs, in the metric's own unit.

    Attributes:
        a: the first run's mean.
        b: the second run's mean.
        difference: b minus a, with its 95 % interval.
        p: two-sided p-value of the sign-flip test clustered by API; the null hypothesis is no difference.
        p_adjusted: by Holm over all metrics compared.
        mcnemar: two-sided p-value of McNemar's exact test, which treats answers about one API as independent; None
            where scores are not all 0 or 1.
        minimum_detectable: the smallest difference in either direction that is detected at 80 % power where answers
            are lost one by one; None if no difference is.
        minimum_detectable_apis: the same where all answers about an API are lost together.
        largest: the largest difference that a loss can make: that of all that is right, in both runs on average.
    """

    a: float
    b: float
    difference: Estimate
    p: float
    p_adjusted: float
    mcnemar: float | None
    minimum_detectable: float | None
    minimum_detectable_apis: float | None
    largest: float

    def to_json(self) -> dict[str, Any]:
        """As ``apigauge compare --json`` prints it; the keys that ``apigauge gate --json`` prints too are the same."""
        return {
            "a": self.a,
            "b": self.b,
            "difference": self.difference.value,
            "low": self.difference.low,
            "high": self.difference.high,
            "n": self.difference.n,
            "apis": self.difference.clusters,
            "effective_apis": self.difference.effective_clusters,
            "p": self.p,
            "p_adjusted": self.p_adjusted,
            "mcnemar": self.mcnemar,
            "minimum_detectable": self.minimum_detectable,
            "minimum_detectable_apis": self.minimum_detectable_apis,
        }


def contrasts(scores: Mapping[str, Scores]) -> dict[str, Contrast]:
    """The contrast of each metric; Holm's correction is over all of these metrics.

    The minimum detectable difference is computed at the level of Holm's first step: alpha divided by the number of
    metrics, and halved, since :func:`minimum_detectable` is one-sided and the test two-sided.
    """
    # Made twice, and never held for all metrics: of a million answers each takes 16 MB.
    p_values = [differ(_pairs(name, one)) for name, one in scores.items()]
    by_metric = {}
    for (name, one), p, adjusted in zip(scores.items(), p_values, holm(p_values), strict=True):
        top, both = TOP.get(name, 1.0), _pairs(name, one)
        level = ALPHA / 2 / len(scores)
        answers, apis = minimum_detectable(both, level), minimum_detectable(both, level, loss="apis")
        by_metric[name] = Contrast(
            a=math.fsum(one.a) / len(one.a),
            b=math.fsum(one.b) / len(one.b),
            difference=_difference(one, top),
            p=p,
            p_adjusted=adjusted,
            mcnemar=mcnemar(*both.discordant, "two-sided") if both.discordant else None,
            minimum_detectable=answers * top if answers is not None else None,
            minimum_detectable_apis=apis * top if apis is not None else None,
            largest=float((both.before + both.after).sum()) / (2 * both.answers) * top,
        )
    return by_metric


def _pairs(name: str, scores: Scores) -> Pairs:
    """The scores as the tests expect them: from 0 to 1, where higher is better."""
    import numpy as np

    top, lower = TOP.get(name, 1.0), name in LOWER_IS_BETTER
    shares = [np.asarray(side, dtype=float) / top for side in (scores.a, scores.b)]
    a, b = (1 - side if lower else side for side in shares)
    return pairs(a, b, scores.apis)


def _difference(scores: Scores, top: float) -> Estimate:
    """The paired difference; computed on scores from 0 to 1, then scaled back to the metric's unit."""
    a, b = (array("d", (score / top for score in side)) for side in (scores.a, scores.b))
    share = paired_difference(a, b, scores.apis)
    return replace(share, value=share.value * top, low=share.low * top, high=share.high * top)
