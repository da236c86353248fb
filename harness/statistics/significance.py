"""Whether one run is significantly worse than another over the same questions, and which drops are detectable.

The test is the sign-flip test clustered by API. Under the null hypothesis the two runs are exchangeable within each
API, so each API's total difference could equally have the other sign (Fisher, "The Design of Experiments", 1935,
section 21; for clusters: Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005, section 3). Where
each API has one question and scores are 0 or 1, this is McNemar's exact test. Where an API has several questions,
McNemar's test treats their answers as independent and raises more false alarms than its level allows.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, Literal

from apigauge.harness.statistics.intervals import SEED

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

ALPHA = 0.05
NORMAL = NormalDist()
POWER = 0.80
_FLIPS = 9_999
_REPLICATES = 2_000
_STEPS = 12
# From this number of APIs with a difference, the flipped sum is approximated by a normal distribution, which is faster.
_ENOUGH = 40


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two runs' scores of the same answers, from 0 to 1 where higher is better, summed up for each API.

    Attributes:
        before: sums of the baseline's scores, one for each API.
        after: sums of the new run's scores.
        counts: number of answers about each API.
        discordant: number of answers right before and wrong after, and the reverse; None unless all scores are 0 or 1.
    """

    before: "Array"
    after: "Array"
    counts: "Array"
    discordant: tuple[int, int] | None

    @property
    def answers(self) -> int:
        """How many answers both runs gave."""
        return int(self.counts.sum())


def pairs(before: Sequence[float], after: Sequence[float], clusters: Sequence[str]) -> Pairs:
    """Sums up two runs' scores of the same answers, in the same order, by API (``clusters``)."""
    import numpy as np

    _, place = np.unique(np.asarray(clusters), return_inverse=True)
    left, right = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    is_binary = bool(np.isin(left, (0, 1)).all() and np.isin(right, (0, 1)).all())
    lost, won = int(((left == 1) & (right == 0)).sum()), int(((left == 0) & (right == 1)).sum())
    return Pairs(
        np.bincount(place, left), np.bincount(place, right), np.bincount(place), (lost, won) if is_binary else None
    )


def mcnemar(lost: int, won: int, alternative: Literal["greater", "two-sided"] = "greater") -> float:
    """Exact p-value for these numbers of answers lost and won (McNemar, Psychometrika 12, 1947)."""
    answers = lost + won
    at = max(lost, won) if alternative == "two-sided" else lost
    as_many = sum(math.comb(answers, count) for count in range(at, answers + 1))
    return float(min(1.0, as_many * (2 if alternative == "two-sided" else 1) / 2**answers))


def worse(data: Pairs, seed: int = SEED) -> float:
    """One-sided p-value under the null hypothesis that the new run is no worse: the share of as large or larger drops.

    Exact where all scores are 0 or 1; otherwise from 9,999 random draws and the data (Phipson and Smyth, 2010).
    """
    import numpy as np

    totals = data.after - data.before
    if data.discordant is not None:
        return float(_exact(np.rint(totals).astype(int)[None])[0])
    draw = np.random.default_rng(seed)
    signs = draw.integers(0, 2, (_FLIPS, len(totals)), dtype=np.int8) * 2 - 1
    as_low = signs @ totals <= totals.sum() + 1e-9
    return float((1 + as_low.sum()) / (1 + _FLIPS))


def differ(data: Pairs, seed: int = SEED) -> float:
    """Two-sided p-value under the null hypothesis of no difference: twice the smaller one-sided p-value, at most 1.

    Exact p-values below 1e-12 are dominated by rounding errors; only their being small is meaningful.
    """
    reverse = replace(data, before=data.after, after=data.before)
    return min(1.0, 2 * min(worse(data, seed), worse(reverse, seed)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: rejecting those up to alpha bounds the family-wise error rate by alpha (Holm, 1979)."""
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, p_values[at] * (len(p_values) - rank)))
        adjusted[at] = highest
    return adjusted


def minimum_detectable(data: Pairs, alpha: float = ALPHA, power: float = POWER, seed: int = SEED) -> float | None:
    """The smallest drop of the mean that the test detects with probability ``power``.

    For scores of 0 and 1 by simulation: APIs are drawn with replacement, the two runs are swapped at random in each of
    them, so that the null hypothesis holds, and then each right answer of the new run is lost with equal probability.
    Otherwise by the normal approximation, with the standard error over APIs.

    Returns:
        None where even the largest possible drop is not detected with that probability.
    """
    import numpy as np

    totals = data.after - data.before
    if data.discordant is None:
        centred = totals - data.counts * (totals.sum() / data.answers)
        error = float(np.sqrt((centred**2).sum())) / data.answers
        return float(NORMAL.inv_cdf(1 - alpha) + NORMAL.inv_cdf(power)) * error
    draw = np.random.default_rng(seed)
    drawn = draw.integers(0, len(totals), (_REPLICATES, len(totals)))
    swapped = draw.integers(0, 2, drawn.shape, dtype=bool)
    differences = np.rint(np.where(swapped, -totals[drawn], totals[drawn])).astype(int)
    right = np.rint(np.where(swapped, data.before[drawn], data.after[drawn])).astype(int)
    share = float((data.before + data.after).sum()) / (2 * data.answers)
    low, high = 0.0, 1.0
    if _power(differences, right, high, alpha, seed) < power:
        return None
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if _power(differences, right, middle, alpha, seed) >= power else (middle, high)
    return high * share


def answers_needed(data: Pairs, drop: float, alpha: float = ALPHA, power: float = POWER) -> int:
    """About how many answers detect this drop with probability ``power``, by normal approximation of the same model."""
    import numpy as np

    totals = data.after - data.before
    right = (data.before + data.after) / 2
    rate = min(1.0, drop * data.answers / float(right.sum())) if right.sum() else 1.0
    noise = ((totals - data.counts * (totals.sum() / data.answers)) ** 2).sum() + rate * (1 - rate) * right.sum()
    null_variance = noise + ((rate * right) ** 2).sum()
    variance = noise + ((rate * right - drop * data.counts) ** 2).sum()
    reach = NORMAL.inv_cdf(1 - alpha) * np.sqrt(null_variance) + NORMAL.inv_cdf(power) * np.sqrt(variance)
    return int(np.ceil(reach**2 / (drop**2 * data.answers)))


def _power(differences: "Array", right: "Array", rate: float, alpha: float, seed: int) -> float:
    import numpy as np

    totals = differences - np.random.default_rng(seed).binomial(right, rate)
    enough = (totals != 0).sum(axis=1) >= _ENOUGH
    p_values = np.empty(len(totals))
    p_values[~enough] = _exact(totals[~enough]) if not enough.all() else ()
    # Possible sums have the same parity and so lie two apart: the continuity correction is half of that.
    some = totals[enough]
    deviates = (some.sum(axis=1) + 1) / np.sqrt((some**2).sum(axis=1))
    p_values[enough] = [NORMAL.cdf(deviate) for deviate in deviates]
    return float((p_values <= alpha).mean())


def _exact(totals: "Array") -> "Array":
    """For each row of whole numbers the probability that random signs give a sum as low or lower.

    The sum's distribution is the inverse Fourier transform of its characteristic function, the product of the cosines.
    """
    import numpy as np

    sizes = np.abs(totals)
    reach = int(sizes.sum(axis=1).max())
    if reach == 0:
        return np.ones(len(totals))
    angles = 2 * np.pi * np.arange(2 * reach + 1) / (2 * reach + 1)
    product = np.ones((len(totals), len(angles)))
    for size in range(1, int(sizes.max()) + 1):
        product *= np.cos(size * angles) ** (sizes == size).sum(axis=1)[:, None]
    tails = np.cumsum(np.fft.fftshift(np.fft.ifft(product, axis=1).real, axes=1), axis=1)
    at = totals.sum(axis=1) + reach
    least = 0.5 ** np.minimum((sizes > 0).sum(axis=1), 1000)
    return np.asarray(np.clip(tails[np.arange(len(totals)), at], least, 1.0))
