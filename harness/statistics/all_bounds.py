"""The bounds of bounded_mean.py for many data sets at once.

The same probability by the same integral along the same path, with fewer nodes, since the tail that is looked for is
not small. The bound is found by the secant rule for all data sets together.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apigauge.harness.statistics.bounded_mean import DIGITS, SLOPE, Clusters

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# The nodes' distance on the scale of the hyperbolic sine, the most of them, and what part of the integrand is left out.
_STEP, _NODES, _NEGLIGIBLE = 0.25, 200, 1e-11
_BISECTIONS, _NEWTON, _ROUNDS = 24, 2, 60
# A step of the secant rule this small leaves an error far below a unit of the last digit.
_CLOSE = 2e-7
# So many numbers are worked on at once.
_BATCH = 30_000


@dataclass(slots=True)
class _Search:
    """The data sets whose bound is looked for, rows of arrays; ``counts`` and ``sizes`` include the unobserved cluster.

    Attributes:
        totals: sum of the scores of a cluster of each kind.
        sizes: answers in it.
        counts: how many there are.
        limit: the largest score; columns, as what follows.
        at: the bound so far.
        low: below it.
        high: above it.
        saddle: of the integrand at ``at``.
    """

    totals: "Array"
    sizes: "Array"
    counts: "Array"
    limit: "Array"
    at: "Array"
    low: "Array"
    high: "Array"
    saddle: "Array"


def upper_bounds(data: Clusters, tail: float, limit: "Array") -> "Array":
    """The upper bound of each data set, as ``bounded_mean.upper_bound`` has it.

    Args:
        data: the scores; a mean counts for nothing where its count is 0.
        tail: below one half.
        limit: the largest score that there can be in each data set.
    """
    import numpy as np

    rows = max(1, _BATCH // data.means.shape[1])
    parts = [slice(start, start + rows) for start in range(0, len(data.means), rows)]
    bounds = [_bounds(Clusters(data.means[p], data.sizes[p], data.counts[p]), tail, limit[p]) for p in parts]
    return np.round(np.concatenate(bounds), DIGITS) if bounds else np.empty(0)


def lower_bounds(data: Clusters, tail: float, limit: "Array") -> "Array":
    """The lower bounds, as :func:`upper_bounds`; ``limit`` is the smallest score that there can be."""
    return -upper_bounds(data.mirrored(), tail, -limit)


def _bounds(data: Clusters, tail: float, limit: "Array") -> "Array":
    import numpy as np

    least = np.where(data.counts > 0, data.means, np.inf).min(axis=1)
    bounds: Array = limit.astype(float)
    rows = np.flatnonzero(least < limit)
    search = _begin(Clusters(data.means[rows], data.sizes[rows], data.counts[rows]), limit[rows], least[rows])
    former = np.full((2, len(rows)), np.nan)
    for _ in range(_ROUNDS):
        if not len(rows):
            break
        error, slope = _error(search, tail)
        steps = error / np.where(np.isnan(former[0]), slope, (error - former[1]) / (search.at[:, 0] - former[0]))
        search.low = np.where(error[:, None] > 0, search.at, search.low)
        search.high = np.where(error[:, None] > 0, search.high, search.at)
        former = np.stack([search.at[:, 0], error])
        following = search.at - steps[:, None]
        is_inside = (following > search.low) & (following < search.high)
        following = np.where(is_inside, following, (search.low + search.high) / 2)
        is_open = np.abs(following - search.at)[:, 0] > _CLOSE
        search.at = following
        bounds[rows[~is_open]] = search.at[~is_open, 0]
        rows, former = rows[is_open], former[:, is_open]
        search = _Search(*(getattr(search, name)[is_open] for name in _Search.__slots__))
    bounds[rows] = search.at[:, 0]
    return bounds


def _begin(data: Clusters, limit: "Array", least: "Array") -> _Search:
    """Starts from two standard errors above the mean."""
    import numpy as np

    counts, sizes = data.counts, data.sizes
    totals = np.where(counts > 0, data.means * sizes, 0.0)
    answers = (counts * sizes).sum(axis=1, keepdims=True)
    unobserved = answers / data.effective[:, None]
    mean = (counts * totals).sum(axis=1, keepdims=True) / answers
    error = np.sqrt((counts * (totals - mean * sizes) ** 2).sum(axis=1, keepdims=True)) / answers
    at = mean + 2 * error + (limit[:, None] - mean) * unobserved / answers
    low, high = least[:, None], limit[:, None].astype(float)
    at = np.where((at > low) & (at < high), at, (low + high) / 2)
    search = _Search(
        np.concatenate([totals, limit[:, None] * unobserved], axis=1),
        np.concatenate([np.where(counts > 0, sizes, 0.0), unobserved], axis=1),
        np.concatenate([counts, np.ones_like(unobserved)], axis=1),
        *(limit[:, None], at, low, high, at),
    )
    search.saddle = _saddle(search)
    return search


def _gaps(search: _Search) -> "Array":
    gaps: Array = search.totals - search.at * search.sizes
    return gaps


def _saddle(search: _Search) -> "Array":
    """Where the integrand is least on the real axis."""
    import numpy as np

    gaps = _gaps(search)
    low, high = np.zeros((len(gaps), 1)), 1 / gaps.max(axis=1, keepdims=True)
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        slope = (search.counts * gaps / (1 - gaps * middle)).sum(axis=1, keepdims=True) - 1 / middle
        low, high = np.where(slope < 0, middle, low), np.where(slope < 0, high, middle)
    return low


def _error(search: _Search, tail: float) -> tuple["Array", "Array"]:
    """The logarithm of the tail at ``at``, less that of ``tail``, and about by how much it changes with ``at``."""
    import numpy as np

    gaps = _gaps(search)
    saddle, top = search.saddle, 1 / gaps.max(axis=1, keepdims=True)
    for _ in range(_NEWTON):
        saddle = np.minimum(saddle, 0.5 * (top + np.minimum(saddle, top) * 0.999))
        ratios = gaps / (1 - gaps * saddle)
        slope = (search.counts * ratios).sum(axis=1, keepdims=True) - 1 / saddle
        second = (search.counts * ratios**2).sum(axis=1, keepdims=True) + 1 / saddle**2
        saddle = np.clip(saddle - slope / second, saddle / 4, (saddle * 0.25 + top * 0.75))
    search.saddle = saddle
    ratios = gaps / (1 - gaps * saddle)
    level = -(search.counts * np.log1p(-gaps * saddle)).sum(axis=1)
    chance = np.exp(level) * _integral(ratios, search.counts, saddle) / np.pi
    with np.errstate(divide="ignore"):
        error = np.log(np.maximum(chance, 0)) - math.log(tail)
    slope = -(search.counts * saddle * search.sizes / (1 - gaps * saddle)).sum(axis=1)
    return np.maximum(error, -700.0), slope


def _integral(ratios: "Array", counts: "Array", saddle: "Array") -> "Array":
    """Of the integrand along the upper half of the path, relative to its value on the real axis without the pole."""
    import numpy as np

    second = (counts * ratios**2).sum(axis=1, keepdims=True) + 1 / saddle**2
    third = 2 * ((counts * ratios**3).sum(axis=1, keepdims=True) - 1 / saddle**3)
    bend, width = SLOPE * 3 * second / np.maximum(third, 1e-100), 1 / np.sqrt(second)
    is_single = bool((counts == 1).all())
    total, is_open = np.zeros(len(ratios)), np.ones(len(ratios), dtype=bool)
    for node in range(_NODES):
        height = width * math.sinh(node * _STEP)
        reach = np.hypot(height, bend)
        along = SLOPE * height**2 / (reach + bend) + 1j * height
        factors = 1 - along * ratios
        product = factors.prod(axis=1) if is_single else np.exp((counts * np.log(factors)).sum(axis=1))
        turn = 1 - 1j * SLOPE * height / reach
        part = (turn * width * math.cosh(node * _STEP) / (saddle + along))[:, 0] / product
        # Each data set has nodes of its own number: no bound depends on what others are looked for with it.
        total += np.where(is_open, part.real * (_STEP if node else _STEP / 2), 0.0)
        is_open &= np.abs(part) >= _NEGLIGIBLE * np.abs(total)
        if not is_open.any():
            break
    return total
