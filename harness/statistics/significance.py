"""Whether one run is significantly worse than another over the same questions.

The test is the sign-flip test clustered by API. Under the null hypothesis the two runs are exchangeable within each
API, so each API's total difference could equally have the other sign (Fisher, "The Design of Experiments", 1935,
section 21; for clusters: Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005, section 3). Where
each API has one question and scores are 0 or 1, this is McNemar's exact test. Where an API has several questions,
McNemar's test treats their answers as independent and raises more false alarms than its level allows.

This null hypothesis is sharp: it says more than that the means are equal. Two runs of equal mean may differ
significantly if one loses much on few APIs and gains little on many. Studentising changes nothing, because flipping
signs leaves the sum of squares as it is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

from apigauge.harness.statistics.many_signs import DENOMINATORS, ZERO, many_tails

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

ALPHA = 0.05
NORMAL = NormalDist()
# The most units that all totals together may have on a grid.
GRID = 100_000
# The distribution of the sum of more totals, or of larger ones, is computed in many_signs.py.
MANY = 5_000
# A term so many bits shorter than a sum of up to a million of its like is left out of it.
_NEGLIGIBLE_BITS = 128


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two runs' scores of the same answers, from 0 to 1 where higher is better, summed up for each API.

    Attributes:
        before: sums of the baseline's scores, one for each API.
        after: sums of the new run's scores.
        counts: number of answers about each API.
        discordant: number of answers right before and wrong after, and the reverse; None unless all scores are 0 or 1.
        scores: both runs' scores of each answer, API by API.
    """

    before: "Array"
    after: "Array"
    counts: "Array"
    discordant: tuple[int, int] | None
    scores: "Array"

    @property
    def effective_apis(self) -> float:
        """How many APIs with equally many answers would say as much (Kish, "Survey Sampling", 1965, section 8.2)."""
        return float(self.answers**2 / (self.counts.astype(float) ** 2).sum())

    @property
    def answers(self) -> int:
        """How many answers both runs gave."""
        return int(self.counts.sum())


def pairs(before: "Sequence[float] | Array", after: "Sequence[float] | Array", clusters: Sequence[str]) -> Pairs:
    """Sums up two runs' scores of the same answers, in the same order, by API (``clusters``)."""
    import numpy as np

    # Not np.unique of the texts: each would take as much memory as the longest.
    numbers = {name: number for number, name in enumerate(sorted(set(clusters)))}
    place = np.fromiter((numbers[name] for name in clusters), dtype=np.intp, count=len(clusters))
    scores = np.asarray([before, after], dtype=float)
    left, right = scores
    is_binary = bool(np.isin(scores, (0, 1)).all())
    lost, won = int(((left == 1) & (right == 0)).sum()), int(((left == 0) & (right == 1)).sum())
    return Pairs(
        before=np.bincount(place, left),
        after=np.bincount(place, right),
        counts=np.bincount(place),
        discordant=(lost, won) if is_binary else None,
        scores=scores[:, np.argsort(place, kind="stable")],
    )


def mcnemar(lost: int, won: int, alternative: Literal["greater", "two-sided"] = "greater") -> float:
    """Exact p-value for these numbers of answers lost and won (McNemar, Psychometrika 12, 1947)."""
    answers = lost + won
    at = max(lost, won) if alternative == "two-sided" else lost
    # Each binomial coefficient from the one before, until what is left cannot change a digit of a float.
    term = as_many = math.comb(answers, at)
    for count in range(at, answers):
        term = term * (answers - count) // (count + 1)
        as_many += term
        if count > answers // 2 and term.bit_length() + _NEGLIGIBLE_BITS < as_many.bit_length():
            break
    return float(min(1.0, as_many * (2 if alternative == "two-sided" else 1) / 2**answers))


def worse(data: Pairs) -> float:
    """One-sided p-value under the null hypothesis that the new run is no worse: the share of as large or larger drops.

    Over all sign patterns, for scores of 0 and 1 exactly. Other totals are rounded to 1/100,000 of their sum (where
    there are more than 5,000, to 1/50 of their mean) unless they are multiples of some 1/1 to 1/64. Never below one
    over the number of patterns.
    """
    return _tails(data)[0]


def differ(data: Pairs) -> float:
    """Two-sided p-value under the null hypothesis of no difference: twice the smaller one-sided p-value, at most 1."""
    return min(1.0, 2 * min(_tails(data)))


def _tails(data: Pairs) -> tuple[float, float]:
    """The probabilities that random signs give a sum as low or lower, and one as high or higher.

    The distribution of the sum is built up API by API; only positive numbers are added, so small tails are accurate.
    """
    import numpy as np

    totals = data.after - data.before
    totals = totals[np.abs(totals) > ZERO]
    if not len(totals):
        return 1.0, 1.0
    if is_many(totals):
        return many_tails(totals)
    whole = on_grid(totals)
    sizes = np.sort(np.abs(whole))
    chances, reach = np.ones(1), 0
    for size in sizes:
        wider = np.zeros(len(chances) + 2 * size)
        wider[: len(chances)] = chances / 2
        wider[2 * size :] += chances / 2
        chances, reach = wider, reach + int(size)
    at = reach + int(whole.sum())
    least = 0.5 ** min(len(sizes), 1000)
    return max(least, min(1.0, float(chances[: at + 1].sum()))), max(least, min(1.0, float(chances[at:].sum())))


def is_many(totals: "Array") -> bool:
    """Whether these totals, none of them zero, are too many or too large for a grid."""
    import numpy as np

    return len(totals) > MANY or float(np.abs(totals).sum()) > GRID


def on_grid(totals: "Array") -> "Array":
    """The totals, which are not zero, as whole multiples of a unit that is fine enough."""
    import numpy as np

    for denominator in range(1, DENOMINATORS + 1):
        whole = np.rint(totals * denominator)
        if np.abs(whole - totals * denominator).max() < ZERO and np.abs(whole).sum() <= GRID:
            return np.asarray(whole, dtype=int)
    return np.asarray(np.rint(totals * (GRID / np.abs(totals).sum())), dtype=int)


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: rejecting those up to alpha bounds the family-wise error rate by alpha (Holm, 1979)."""
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, p_values[at] * (len(p_values) - rank)))
        adjusted[at] = highest
    return adjusted
