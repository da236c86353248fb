"""The group-sequential test of the gate: questions are asked in a fixed order, and looks decide when to stop.

Several looks at growing data raise more false alarms than a single one. Two spending functions of O'Brien and Fleming's
kind (Lan and DeMets, Biometrika 70, 1983) bound each error rate over all looks together: alpha for the sign-flip test,
whose boundaries come from the flipped signs themselves and assume no distribution, and 2.5 % for the lower end of the
difference's interval (Jennison and Turnbull, "Group Sequential Methods", 2000, chapter 9). That end is Gaffke's bound
over APIs (bounded_mean.py) of the answers so far, at the one-sided level that the boundary has under a normal
distribution. Sampling stops early

- with a **regression** where the test crosses its boundary;
- with a **pass** where the interval rules out a drop of the margin, and the remaining questions are unlikely to turn
  the pass into a regression;
- with **inconclusive** where the remaining questions are unlikely to bring either (stopping for futility by predictive
  power: Spiegelhalter, Freedman and Blackburn, Controlled Clinical Trials 7, 1986). This can only lose findings.
"""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from apigauge.benchmarks.types import Item
from apigauge.harness.statistics.bounded_mean import chance_below, lower_bound, upper_bound
from apigauge.harness.statistics.intervals import SEED, TAIL, gather
from apigauge.harness.statistics.significance import NORMAL

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

LOOKS = 10
_DRAWS = 20_000
_STEPS = 14
# Below this probability of a pass and of a regression, sampling stops for futility.
_FUTILE = 0.02
# Below this probability of a regression, sampling stops with a pass.
_DOUBTFUL = 0.2
# Smaller probabilities are rounding errors.
_LEAST = 1e-15
# Reach and step of the grid of a Brownian motion's values, in its standard deviations at time 1.
_REACH, _STEP = 8.0, 0.002


@dataclass(frozen=True, slots=True)
class Look:
    """One metric, judged by the answers so far.

    Attributes:
        p: one-sided p-value, valid at every look (repeated p-value); the null hypothesis is that the new run is no
            worse.
        low: of the difference's interval, valid at every look (repeated confidence interval).
        high: likewise.
        is_ruled_out: whether the interval rules out a drop of the margin.
        is_settled: whether the remaining questions are unlikely to change the decision.
    """

    p: float
    low: float
    high: float
    is_ruled_out: bool
    is_settled: bool


def order(items: Sequence[Item], seed: int = SEED, turn: int = 0) -> list[Item]:
    """The items in a stratified order: every beginning has its share of each domain and, within it, of each API.

    Args:
        items: to be put in order.
        seed: of the order.
        turn: number of the gate. The order of ten turns is the same, but each begins a tenth later than the one before;
            so each item is asked early in one of ten turns. Then a new order is drawn.
    """
    import numpy as np

    draw = np.random.default_rng([seed, turn // LOOKS])
    groups: dict[tuple[str, str], list[Item]] = defaultdict(list)
    for item in sorted(items, key=lambda one: one.id):
        groups[item.domain, item.api].append(item)
    domains: dict[str, list[tuple[float, Item]]] = defaultdict(list)
    for (domain, _), group in sorted(groups.items(), key=lambda pair: pair[0]):
        offset = draw.random()
        for at, place in enumerate(draw.permutation(len(group))):
            domains[domain].append(((place + offset) / len(group), group[at]))
    placed = [
        ((rank + 0.5) / len(entries), domain, item)
        for domain, entries in sorted(domains.items())
        for rank, (_, item) in enumerate(sorted(entries, key=lambda entry: entry[0]))
    ]
    ordered = [item for _, _, item in sorted(placed, key=lambda one: one[:2])]
    start = len(ordered) * (turn % LOOKS) // LOOKS
    return ordered[start:] + ordered[:start]


def looks(budget: int) -> list[int]:
    """Numbers of questions after which to look: ten evenly spaced looks, the last one after all questions."""
    return sorted({math.ceil(budget * at / LOOKS) for at in range(1, LOOKS + 1)})


def look(
    before: "Sequence[float] | Array",
    after: "Sequence[float] | Array",
    apis: Sequence[str],
    ends: Sequence[int],
    times: Sequence[float],
    margin: float,
    alpha: float,
) -> Look:
    """Looks at two runs' scores, from 0 to 1 where higher is better, in the order in which the questions were asked.

    Args:
        before: scores of the baseline so far.
        after: scores of the new run so far.
        apis: the API of each answer's item.
        ends: number of answers at each look up to this one.
        times: share of all questions asked by each look, future looks included; the last is 1.
        margin: the drop to rule out.
        alpha: error rate of the test over all looks.
    """
    import numpy as np

    differences = np.asarray(after, dtype=float) - np.asarray(before, dtype=float)
    _, place = np.unique(np.asarray(apis), return_inverse=True)
    paths = np.stack([np.bincount(place[:end], differences[:end], place.max() + 1) for end in ends])
    time, totals = times[len(ends) - 1], paths[-1]
    critical = boundaries(tuple(times), TAIL)
    tail = max(_LEAST, NORMAL.cdf(-critical[len(ends) - 1]))
    mean, clusters = gather(differences.tolist(), [str(at) for at in place])
    chance = float(chance_below(clusters, -margin, -1.0)[0])
    drop = -float(totals.sum()) / math.sqrt(float((totals**2).sum()) + 1)
    is_ruled_out = chance < tail
    if time < 1:
        remaining = math.sqrt((1 - time) / time)
        above = -NORMAL.inv_cdf(min(max(chance, _LEAST), 1 - _LEAST))
        pass_power = NORMAL.cdf((above / math.sqrt(time) - critical[-1]) / remaining)
        drop_power = NORMAL.cdf((drop / math.sqrt(time) - boundaries(tuple(times), alpha)[-1]) / remaining)
        is_settled = drop_power < _DOUBTFUL if is_ruled_out else max(pass_power, drop_power) < _FUTILE
    else:
        is_settled = True
    return Look(
        p=repeated_p(flipped(paths), times),
        low=min(mean, lower_bound(clusters, tail, -1.0)),
        high=max(mean, upper_bound(clusters, tail, 1.0)),
        is_ruled_out=is_ruled_out,
        is_settled=is_settled,
    )


def spent(alpha: float, time: float) -> float:
    """The part of an error rate that may be spent up to a time, a share of all questions (Lan and DeMets, 1983)."""
    deviate = -NORMAL.inv_cdf(alpha / 2) / math.sqrt(time)
    return math.erfc(deviate / math.sqrt(2))


@lru_cache(maxsize=16)
def boundaries(times: tuple[float, ...], alpha: float) -> list[float]:
    """The critical normal deviate at each look; under the null hypothesis any is exceeded with probability ``alpha``.

    By the recursion of Armitage, McPherson and Rowe (Journal of the Royal Statistical Society A 132, 1969).
    """
    import numpy as np

    grid = np.arange(-_REACH, _REACH + _STEP / 2, _STEP)
    density, critical, used, last = None, [], 0.0, 0.0
    for time in times:
        spread = math.sqrt(time - last)
        step = np.exp(-((grid / spread) ** 2) / 2) / (spread * math.sqrt(2 * math.pi)) * _STEP
        density = step if density is None else _convolved(density, step)
        above = np.cumsum(density[::-1])[::-1]
        at = int(np.argmax(above <= spent(alpha, time) - used))
        critical.append(float(grid[at]) / math.sqrt(time))
        used += float(above[at])
        density[at:] = 0
        last = time
    return critical


def _convolved(density: "Array", step: "Array") -> "Array":
    """The density of a sum of two variables, on the grid of both, by the product of their Fourier transforms."""
    import numpy as np

    size = 2 * len(step) - 1
    whole = np.fft.irfft(np.fft.rfft(density, size) * np.fft.rfft(step, size), size)
    start = (len(step) - 1) // 2
    return np.asarray(whole[start : start + len(step)].clip(min=0))


def flipped(paths: "Array") -> "Array":
    """The sum of the APIs' differences under random signs, at each look; an API has the same sign at every look.

    Returns:
        An array of looks by draws; the first draw is the observed data.
    """
    return (paths.astype("float32") @ _signs(paths.shape[1])).astype(float)


@lru_cache(maxsize=4)
def _signs(apis: int) -> "Array":
    import numpy as np

    signs = np.random.default_rng(SEED).integers(0, 2, (apis, _DRAWS), dtype=np.int8) * 2 - 1
    signs[:, 0] = 1
    return signs.astype(np.float32)


def repeated_p(sums: "Array", times: Sequence[float]) -> float:
    """The smallest alpha whose boundary the observed data cross; at least one over the number of draws."""
    low, high = math.log(1 / sums.shape[1]), 0.0
    if crosses(sums, times, math.exp(low)):
        return math.exp(low)
    for _ in range(_STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if crosses(sums, times, math.exp(middle)) else (middle, high)
    return math.exp(high)


def crosses(sums: "Array", times: Sequence[float], alpha: float) -> bool:
    """Whether the first draw crosses the boundaries that at most a share ``alpha`` of the draws cross at any look."""
    import numpy as np

    staying = np.ones(sums.shape[1], dtype=bool)
    for row, time in zip(sums, times, strict=False):
        allowed = int(spent(alpha, time) * sums.shape[1] + 1e-9) - int((~staying).sum())
        if allowed >= staying.sum():
            return True
        if allowed > 0:
            bound = np.partition(row[staying], allowed)[allowed]
            # Equal sums stay on the same side: sums are whole numbers, or rounded.
            crossing = staying & (row < bound - 1e-3)
            if crossing[0]:
                return True
            staying &= ~crossing
    return False
