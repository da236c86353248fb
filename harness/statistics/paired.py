"""By how much two runs' scores differ, metric by metric, and whether that is chance.

The tests are the gate's (significance.py), two-sided: nobody says beforehand which of the two runs is to be the better
one. The interval is the one a metric would have if it were compared alone.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from apigauge.harness.metrics.table import LOWER_IS_BETTER, TOP
from apigauge.harness.statistics.intervals import Estimate, paired_difference
from apigauge.harness.statistics.significance import ALPHA, Pairs, differ, holm, mcnemar, minimum_detectable, pairs


@dataclass(frozen=True, slots=True)
class Scores:
    """A metric's scores of the answers that have it in both runs, and the API that each was to name."""

    a: Sequence[float]
    b: Sequence[float]
    apis: Sequence[str]


@dataclass(frozen=True, slots=True)
class Contrast:
    """A metric in two runs, in its own unit.

    Attributes:
        a: the first run's mean.
        b: the second run's.
        difference: b minus a, with its 95 % interval.
        p: that the two are alike: of the sign-flip test, two-sided.
        p_adjusted: by Holm over all metrics compared.
        mcnemar: p-value of McNemar's exact test, two-sided, which counts answers about one API as if each stood alone;
            None where scores are no zeros and ones.
        minimum_detectable: the smallest difference, whichever run is worse, that such data would show in 80 % of all
            cases; None if none would.
    """

    a: float
    b: float
    difference: Estimate
    p: float
    p_adjusted: float
    mcnemar: float | None
    minimum_detectable: float | None

    def to_json(self) -> dict[str, Any]:
        """As ``apigauge compare --json`` prints it; names that the gate prints too are the same."""
        by = self.difference
        return {
            "a": self.a,
            "b": self.b,
            "difference": by.value,
            "low": by.low,
            "high": by.high,
            "n": by.n,
            "p": self.p,
            "p_adjusted": self.p_adjusted,
            "mcnemar": self.mcnemar,
            "minimum_detectable": self.minimum_detectable,
        }


def contrasts(scores: Mapping[str, Scores]) -> dict[str, Contrast]:
    """Contrasts each metric; Holm's correction is over all that are given.

    The least difference is sought at the level of Holm's first step, alpha by the number of metrics. A two-sided test
    leaves half of that for a fall, which is what :func:`minimum_detectable` looks for; for a rise the two runs change
    places.
    """
    paired = {name: _pairs(name, one) for name, one in scores.items()}
    chances = [differ(one) for one in paired.values()]
    found = {}
    for (name, one), p, adjusted in zip(scores.items(), chances, holm(chances), strict=True):
        top, both = TOP.get(name, 1.0), paired[name]
        detectable = minimum_detectable(both, ALPHA / 2 / len(scores))
        found[name] = Contrast(
            a=math.fsum(one.a) / len(one.a),
            b=math.fsum(one.b) / len(one.b),
            difference=_difference(one, top),
            p=p,
            p_adjusted=adjusted,
            mcnemar=mcnemar(*both.discordant, "two-sided") if both.discordant else None,
            minimum_detectable=detectable * top if detectable is not None else None,
        )
    return found


def _pairs(name: str, scores: Scores) -> Pairs:
    """As the tests take them: from 0 to 1, more being better."""
    top, lower = TOP.get(name, 1.0), name in LOWER_IS_BETTER
    a, b = ([1 - score / top if lower else score / top for score in side] for side in (scores.a, scores.b))
    return pairs(a, b, scores.apis)


def _difference(scores: Scores, top: float) -> Estimate:
    """The paired difference; its interval is made from shares, so a rung is one until it is told."""
    a, b = ([score / top for score in side] for side in (scores.a, scores.b))
    found = paired_difference(a, b, scores.apis)
    return replace(found, value=found.value * top, low=found.low * top, high=found.high * top)
