"""Whether one run is worse than another over the same questions, and what drop could have been seen at all.

The test flips signs: were the two runs alike, which of them gave which answers about an API would be chance, so each
API's total difference could as well have had the other sign (Fisher, "The Design of Experiments", 1935, section 21;
for clusters: Good, "Permutation, Parametric and Bootstrap Tests of Hypotheses", 2005, section 3). Where each API has
one question and scores are zeros and ones this is McNemar's exact test; where it has several, McNemar's test counts
each as if it stood alone and sees regressions that are not there.
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
# Of so many APIs with a difference the flipped sum is as good as normal, and quicker.
_ENOUGH = 40


@dataclass(frozen=True, slots=True)
class Pairs:
    """Two runs' scores of the same answers, from 0 to 1 with more being better, summed up for each API.

    Attributes:
        before: sums of the baseline's scores, one for each API.
        after: sums of the new run's.
        counts: answers about each API.
        discordant: answers right before and wrong after, and the other way round; None unless all are zeros and ones.
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
    """Sums up two runs' scores, given for the same answers in the same order, by the API each was to name."""
    import numpy as np

    _, place = np.unique(np.asarray(clusters), return_inverse=True)
    left, right = np.asarray(before, dtype=float), np.asarray(after, dtype=float)
    is_binary = bool(np.isin(left, (0, 1)).all() and np.isin(right, (0, 1)).all())
    lost, won = int(((left == 1) & (right == 0)).sum()), int(((left == 0) & (right == 1)).sum())
    return Pairs(
        np.bincount(place, left), np.bincount(place, right), np.bincount(place), (lost, won) if is_binary else None
    )


def mcnemar(lost: int, won: int, alternative: Literal["greater", "two-sided"] = "greater") -> float:
    """Exact p-value of so many answers lost against so many won (McNemar, Psychometrika 12, 1947)."""
    answers = lost + won
    at = max(lost, won) if alternative == "two-sided" else lost
    as_many = sum(math.comb(answers, count) for count in range(at, answers + 1))
    return float(min(1.0, as_many * (2 if alternative == "two-sided" else 1) / 2**answers))


def worse(found: Pairs, seed: int = SEED) -> float:
    """One-sided p-value that the new run is no worse: how often flipped signs give as large a drop.

    Exact for zeros and ones; otherwise of 9,999 draws, the data as one more (Phipson and Smyth, 2010).
    """
    import numpy as np

    totals = found.after - found.before
    if found.discordant is not None:
        return float(_exact(np.rint(totals).astype(int)[None])[0])
    draw = np.random.default_rng(seed)
    signs = draw.integers(0, 2, (_FLIPS, len(totals)), dtype=np.int8) * 2 - 1
    as_low = signs @ totals <= totals.sum() + 1e-9
    return float((1 + as_low.sum()) / (1 + _FLIPS))


def differ(found: Pairs, seed: int = SEED) -> float:
    """Two-sided p-value that the two runs are alike: twice the smaller of both one-sided ones, at most 1.

    Of exact ones below 1e-12 no more is known than that they are: they come of rounded sums.
    """
    turned = replace(found, before=found.after, after=found.before)
    return min(1.0, 2 * min(worse(found, seed), worse(turned, seed)))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values: rejecting those below alpha keeps the chance of any false alarm below it (Holm, 1979)."""
    order = sorted(range(len(p_values)), key=lambda at: p_values[at])
    adjusted, highest = [0.0] * len(p_values), 0.0
    for rank, at in enumerate(order):
        highest = max(highest, min(1.0, p_values[at] * (len(p_values) - rank)))
        adjusted[at] = highest
    return adjusted


def minimum_detectable(found: Pairs, alpha: float = ALPHA, power: float = POWER, seed: int = SEED) -> float | None:
    """The smallest drop of the mean that such data would show in ``power`` of all cases.

    For zeros and ones by trying: APIs are drawn with replacement, the two runs change places at random in each, so that
    neither is better, and then every right answer of the new one is lost with one probability. Otherwise by the normal
    approximation, with the standard error over APIs.

    Returns:
        None where no drop that is possible would be found.
    """
    import numpy as np

    totals = found.after - found.before
    if found.discordant is None:
        centred = totals - found.counts * (totals.sum() / found.answers)
        error = float(np.sqrt((centred**2).sum())) / found.answers
        return float(NORMAL.inv_cdf(1 - alpha) + NORMAL.inv_cdf(power)) * error
    draw = np.random.default_rng(seed)
    drawn = draw.integers(0, len(totals), (_REPLICATES, len(totals)))
    swapped = draw.integers(0, 2, drawn.shape, dtype=bool)
    differences = np.rint(np.where(swapped, -totals[drawn], totals[drawn])).astype(int)
    right = np.rint(np.where(swapped, found.before[drawn], found.after[drawn])).astype(int)
    share = float((found.before + found.after).sum()) / (2 * found.answers)
    low, high = 0.0, 1.0
    if _power(differences, right, high, alpha, seed) < power:
        return None
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if _power(differences, right, middle, alpha, seed) >= power else (middle, high)
    return high * share


def answers_needed(found: Pairs, drop: float, alpha: float = ALPHA, power: float = POWER) -> int:
    """About how many answers it takes to see such a drop, by the normal approximation of the same model."""
    import numpy as np

    totals = found.after - found.before
    right = (found.before + found.after) / 2
    rate = min(1.0, drop * found.answers / float(right.sum())) if right.sum() else 1.0
    noise = ((totals - found.counts * (totals.sum() / found.answers)) ** 2).sum() + rate * (1 - rate) * right.sum()
    chance = noise + ((rate * right) ** 2).sum()
    spread = noise + ((rate * right - drop * found.counts) ** 2).sum()
    reach = NORMAL.inv_cdf(1 - alpha) * np.sqrt(chance) + NORMAL.inv_cdf(power) * np.sqrt(spread)
    return int(np.ceil(reach**2 / (drop**2 * found.answers)))


def _power(differences: "Array", right: "Array", rate: float, alpha: float, seed: int) -> float:
    import numpy as np

    totals = differences - np.random.default_rng(seed).binomial(right, rate)
    enough = (totals != 0).sum(axis=1) >= _ENOUGH
    chances = np.empty(len(totals))
    chances[~enough] = _exact(totals[~enough]) if not enough.all() else ()
    # Sums of one parity lie two apart: half of that is the correction for continuity.
    some = totals[enough]
    deviates = (some.sum(axis=1) + 1) / np.sqrt((some**2).sum(axis=1))
    chances[enough] = [NORMAL.cdf(deviate) for deviate in deviates]
    return float((chances <= alpha).mean())


def _exact(totals: "Array") -> "Array":
    """For each row of whole numbers the chance that random signs give as low a sum.

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
    chances = np.cumsum(np.fft.fftshift(np.fft.ifft(product, axis=1).real, axes=1), axis=1)
    at = totals.sum(axis=1) + reach
    least = 0.5 ** np.minimum((sizes > 0).sum(axis=1), 1000)
    return np.asarray(np.clip(chances[np.arange(len(totals)), at], least, 1.0))
