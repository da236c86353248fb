"""The paired contrast of every pair of many runs: the numbers of paired.py in a hundredth of the time.

Intervals come from all_bounds.py. The test is significance.py's, in two ways. Where the totals of the APIs are
multiples of a common unit, as those of zeros and ones are, the number of flipped units is a sum of binomial
variables, whose distribution is built up as there, but only in the tail. Else the tail is the integral of the moment-
generating function along a vertical line through its saddle point (Rice, "Distribution of quadratic forms in normal
random variables", SIAM Journal on Scientific and Statistical Computing 1, 1980), by the trapezoidal rule. The
integral leaves out what lies far from the real axis, which is nothing as long as the totals share no unit; where too
few differ from the multiples of one, the distribution is built up as well.
"""

import functools
import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from apigauge.harness.metrics.table import TOP
from apigauge.harness.statistics.all_bounds import lower_bounds, upper_bounds
from apigauge.harness.statistics.bounded_mean import Clusters
from apigauge.harness.statistics.intervals import TAIL
from apigauge.harness.statistics.many_signs import DENOMINATORS, ZERO, many_tails
from apigauge.harness.statistics.significance import GRID, is_many, on_grid

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Totals this near to a multiple of a unit, in units, count as one; so many have to be further away from it.
_NEAR, _APART, _UNITS = 0.1, 48, 12
# Nodes of the integral and their distance, in standard deviations of the tilted sum.
_NODES, _STEP = 40, 0.24
_BISECTIONS = 30
# So many numbers are worked on at once, and so many products are formed to add several totals of one size at once.
_BATCH, _DIRECT = 30_000, 1_000_000
# So many times fewer kinds of clusters than clusters are worth powers instead of products.
_FEWER = 6
# So many pairs are compared at once.
_PAIRS = 48
# Kinds of clusters are filled up to a multiple of this.
_WIDTH = 16


@dataclass(frozen=True, slots=True)
class Pair:
    """Two runs in one metric.

    Attributes:
        a: the first run's number.
        b: the second run's, which is higher.
        n: answers that have the metric in both.
        difference: mean of b minus mean of a over these, in the metric's unit.
        low: lower end of its 95 % interval, which is ``intervals.paired_difference``'s.
        high: upper end.
        p: two-sided p-value of the sign-flip test clustered by API.
    """

    a: int
    b: int
    n: int
    difference: float
    low: float
    high: float
    p: float


def all_pairs(
    metric: str, scores: "Array", apis: Sequence[str], is_wanted: Callable[[int, int], bool] = lambda _a, _b: True
) -> list[Pair]:
    """Compares every run with every later one; pairs without a common answer are left out.

    A pair's numbers do not depend, to the last bit, on what other pairs are compared.

    Args:
        metric: its name, which says its range.
        scores: runs by answers, in the metric's unit; NaN where a run lacks the answer or the metric.
        apis: the API of each answer's item.
        is_wanted: whether to compare two runs, given by their numbers.
    """
    import numpy as np

    numbers_of = {api: number for number, api in enumerate(sorted(set(apis)))}
    place = np.fromiter(map(numbers_of.__getitem__, apis), dtype=int)
    order = np.argsort(place, kind="stable")
    scores, starts = scores[:, order], np.flatnonzero(np.diff(place[order], prepend=-1))
    top = TOP.get(metric, 1.0)
    sums = [math.fsum(run) for run in scores]
    wanted = [(a, b) for a, b in combinations(range(len(scores)), 2) if is_wanted(a, b)]
    pairs = []
    for start in range(0, len(wanted), _PAIRS):
        first, second = np.array(wanted[start : start + _PAIRS]).T
        has_both = ~np.isnan(scores[first] + scores[second])
        before, after = (np.where(has_both, scores[side], 0.0) / top for side in (first, second))
        totals = np.add.reduceat(after, starts, axis=1) - np.add.reduceat(before, starts, axis=1)
        counts = np.add.reduceat(has_both.astype(float), starts, axis=1)
        if not len(rows := np.flatnonzero(has_both.any(axis=1))):
            continue
        limits = (after - before)[rows]
        lows, highs = _intervals(totals[rows], counts[rows], (limits.min(axis=1), limits.max(axis=1)))
        numbers = zip(rows, lows * top, highs * top, p_values(totals[rows]), strict=True)
        for row, low, high, p in numbers:
            a, b, n = int(first[row]), int(second[row]), int(counts[row].sum())
            both = (sums[a], sums[b]) if n == len(place) else _sums(scores[[a, b]])
            mean = (both[1] - both[0]) / n
            pairs.append(Pair(a, b, n, mean, min(float(low), mean), max(float(high), mean), float(p)))
    return pairs


def _intervals(totals: "Array", counts: "Array", reach: tuple["Array", "Array"]) -> tuple["Array", "Array"]:
    """Both ends for each pair; ``reach`` is the least and the largest single difference, which may exceed 1."""
    import numpy as np

    lows, highs = np.empty(len(totals)), np.empty(len(totals))
    for rows, data in _parts(totals, counts):
        lows[rows] = lower_bounds(data, TAIL, np.minimum(reach[0][rows], -1.0))
        highs[rows] = upper_bounds(data, TAIL, np.maximum(reach[1][rows], 1.0))
    return lows, highs


def _parts(totals: "Array", counts: "Array") -> "Iterator[tuple[Array, Clusters]]":
    """The pairs with their APIs as clusters, in parts; equal clusters are counted where that makes them far fewer.

    Which part a pair is in, and how wide that is, depends on the pair alone: so do the sums over it, to the last bit.
    """
    import numpy as np

    kinds, numbers = np.unique(totals + 1j * counts, return_inverse=True)
    places = numbers.reshape(totals.shape) + len(kinds) * np.arange(len(totals))[:, None]
    often = np.bincount(places.ravel(), minlength=len(kinds) * len(totals)).reshape(len(totals), -1).astype(float)
    often[:, kinds.imag == 0] = 0
    own = (often > 0).sum(axis=1)
    is_answered = counts > 0
    widths = np.where(
        own * _FEWER > totals.shape[1], -is_answered.all(axis=1).astype(int), (own // _WIDTH + 1) * _WIDTH
    )
    for width in np.unique(widths).tolist():
        rows = np.flatnonzero(widths == width)
        if width > 0:
            yield rows, _counted(kinds, often[rows], width)
        else:
            answered = is_answered[rows]
            means = np.divide(totals[rows], counts[rows], out=np.zeros_like(totals[rows]), where=answered)
            yield rows, Clusters(means, np.where(answered, counts[rows], 1.0), answered.astype(float))


def _counted(kinds: "Array", often: "Array", width: int) -> Clusters:
    """Each pair's own kinds of clusters, and then some that do not occur, of which there is one at least."""
    import numpy as np

    often = np.pad(often, ((0, 0), (0, max(0, width - len(kinds)))))
    order = np.argsort(often == 0, axis=1, kind="stable")[:, :width]
    counts = np.take_along_axis(often, order, axis=1)
    kinds = np.pad(kinds, (0, max(0, width - len(kinds))))[order]
    sizes = np.where(counts > 0, np.maximum(kinds.imag, 1.0), 1.0)
    return Clusters(np.where(counts > 0, kinds.real / sizes, 0.0), sizes, counts)


def _sums(scores: "Array") -> tuple[float, float]:
    """Both runs' sums over the answers that have a score in both."""
    import numpy as np

    a, b = scores[:, ~np.isnan(scores).any(axis=0)]
    return math.fsum(a), math.fsum(b)


def p_values(totals: "Array") -> "Array":
    """Two-sided p-values, as ``significance.differ`` has them.

    Args:
        totals: pairs by APIs: each API's total difference.
    """
    import numpy as np

    p: Array = np.ones(len(totals))
    is_zero: Array = np.abs(totals) <= ZERO
    totals = np.where(is_zero, 0.0, totals)
    is_large = np.array([is_many(row[row != 0]) for row in totals])
    for row in np.flatnonzero(is_large):
        p[row] = 2 * min(many_tails(totals[row][~is_zero[row]]))
    rows = np.flatnonzero(~is_zero.all(axis=1) & ~is_large)
    has_unit = _may_have_unit(totals[rows])
    whole = {row: on_grid(totals[row][~is_zero[row]]) for row in rows[has_unit]}
    others = rows[~has_unit]
    units = np.abs(totals[others]).sum(axis=1, keepdims=True)
    rounded = np.rint(totals[others] * (GRID / units)).astype(int)
    is_spread = _is_spread(totals[others])
    whole |= {row: rounded[at][~is_zero[row]] for at, row in enumerate(others) if not is_spread[at]}
    for row, values in whole.items():
        p[row] = 2 * max(_least(len(values)), _built_up(values))
    size = max(1, _BATCH // totals.shape[1])
    spread, their = rounded[is_spread], others[is_spread]
    for start in range(0, len(spread), size):
        batch = spread[start : start + size].astype(float)
        least = [_least(int(count)) for count in (~is_zero[their[start : start + size]]).sum(axis=1)]
        p[their[start : start + size]] = 2 * np.maximum(least, _integrated(np.abs(batch), np.abs(batch.sum(axis=1))))
    return np.minimum(p, 1.0)


def _least(apis: int) -> float:
    """One over the number of sign patterns."""
    return float(0.5 ** min(apis, 1000))


def _may_have_unit(totals: "Array") -> "Array":
    """Whether the first totals of each pair are multiples of 1/1 to 1/64: if not, all are not."""
    import numpy as np

    columns = np.argsort(totals == 0, axis=1, kind="stable")[:, :12]
    first = np.take_along_axis(totals, columns, axis=1)[:, :, None] * np.arange(1, DENOMINATORS + 1)
    is_multiple = np.all(np.abs(first - np.rint(first)) < ZERO, axis=1)
    return np.asarray(np.any(is_multiple, axis=1))


def _is_spread(totals: "Array") -> "Array":
    """Whether enough totals lie apart from the multiples of every coarse unit."""
    import numpy as np

    is_spread = np.ones(len(totals), dtype=bool)
    for parts in range(1, _UNITS + 1):
        units = totals * parts
        is_spread &= (np.abs(units - np.rint(units)) > _NEAR).sum(axis=1) >= _APART
    return is_spread


def _built_up(whole: "Array") -> float:
    """The smaller tail of a sum with random signs: the chance of flipping no more units than were flipped.

    Only positive numbers are added, so that small tails are accurate.
    """
    import numpy as np

    sizes, counts = np.unique(np.abs(whole), return_counts=True)
    room = (int(np.abs(whole).sum()) - abs(int(whole.sum()))) // 2
    chances = np.ones(1)
    for size, count in zip(sizes.tolist(), counts.tolist(), strict=True):
        if size:
            chances = _added(chances, size, count, room)
    return float(chances.sum())


def _added(chances: "Array", size: int, count: int, room: int) -> "Array":
    """The distribution of a number of units with so many more of one size, each flipped or not; up to ``room``."""
    import numpy as np

    most = min(count, room // size)
    if most > 2 and len(chances) * most * size <= _DIRECT:
        spaced = np.zeros(most * size + 1)
        spaced[::size] = _binomial(count)[: most + 1]
        return np.asarray(np.convolve(chances, spaced)[: room + 1])
    wider = np.zeros(min(len(chances) + size * count, room + 1))
    for flipped, chance in enumerate(_binomial(count)[: most + 1]):
        part = chances[: len(wider) - flipped * size]
        wider[flipped * size : flipped * size + len(part)] += part * chance
    return wider


@functools.cache
def _binomial(count: int) -> "Array":
    import numpy as np

    return np.array([math.comb(count, flipped) / 2**count for flipped in range(count + 1)])


def _integrated(sizes: "Array", sums: "Array") -> "Array":
    """The smaller tails of sums with random signs, for totals that share no unit.

    Args:
        sizes: pairs by APIs, whole numbers.
        sums: the sums observed, not negative.
    """
    import numpy as np

    saddle = _saddle(sizes, sums)
    slopes = np.tanh(saddle * sizes)
    width = np.sqrt((sizes**2 * (1 - slopes**2)).sum(axis=1, keepdims=True))
    turn = _STEP / width
    # Each node's factors from the two before: cos((k + 1) x) is 2 cos(x) cos(k x) - cos((k - 1) x), and so is the sine.
    twice, factors = 2 * np.cos(turn * sizes), np.ones_like(slopes, dtype=complex)
    former = np.cos(turn * sizes) - 1j * slopes * np.sin(turn * sizes)
    total = np.zeros(len(sizes))
    for node in range(_NODES):
        height = 1j * node * turn[:, 0]
        # Sums are even or odd: each second whole number.
        part = factors.prod(axis=1) * np.exp(-height * sums) * 2 / -np.expm1(-2 * (saddle[:, 0] + height))
        total += part.real * (1.0 if node else 0.5)
        former, factors = factors, twice * factors - former
    level = np.logaddexp(saddle * sizes, -saddle * sizes).sum(axis=1) - sizes.shape[1] * math.log(2)
    tails = np.exp(level - saddle[:, 0] * sums) * total * turn[:, 0] / np.pi
    return np.asarray(np.clip(tails, 0.0, 1.0))


def _saddle(sizes: "Array", sums: "Array") -> "Array":
    """Where the integrand of each pair is least on the real axis, about; a column."""
    import numpy as np

    deviation = np.sqrt((sizes**2).sum(axis=1, keepdims=True))
    low: Array = 0.5 / deviation
    high: Array = np.maximum(2.0, 64 * sums[:, None] / deviation) / deviation
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        is_below = (sizes * np.tanh(middle * sizes)).sum(axis=1, keepdims=True) - 1 / middle < sums[:, None]
        low, high = np.where(is_below, middle, low), np.where(is_below, high, middle)
    return low
