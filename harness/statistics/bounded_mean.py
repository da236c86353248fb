"""Confidence bounds for the mean of clusters of answers whose scores have known limits.

The bound is Gaffke's ("Three test statistics for a nonparametric one-sided hypothesis on the mean of a nonnegative
variable", Mathematical Methods of Statistics 14, 2005; Learned-Miller and Thomas, arXiv 1905.06208, 2019). Give each
of the clusters, and one more at the upper limit that was not observed, a random weight drawn from the exponential
distribution; the weighted mean exceeds the upper bound with probability ``tail``. The lower bound is its mirror image.

For zeros and ones in clusters of one it is the exact binomial bound (Clopper and Pearson, 1934), and it assumes no
distribution: values need not be zeros and ones. No bound goes down where a score goes up. Here a cluster's weight is
multiplied by its number of answers, so that the mean is that of all answers. The unobserved cluster is as large as the
one that a random answer belongs to, on average. So it counts for one part in the effective number of clusters
(Kish, "Survey Sampling", 1965, section 8.2), which few large clusters make small.

Nothing is drawn: the probability is the integral of a characteristic function (Rice, "Distribution of quadratic forms
in normal random variables", SIAM Journal on Scientific and Statistical Computing 1, 1980), by the trapezoidal rule
along the vertical line through the saddle point, where the integrand does not oscillate and decays fast.
"""

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Nodes of the integral, and the logarithm of its integrand, relative to that at the saddle point, where it ends.
_NODES, _NEGLIGIBLE = 48, -36.0
_BISECTIONS, _STEPS = 40, 60
# Of the path of integration, which ends as a line: steps to the right for each step upwards.
SLOPE = 0.5
# To this many digits the bounds are computed; further ones depend on the machine.
DIGITS = 9
# So many numbers of the integrand are computed at once.
_BATCH = 4_000_000
# So many kinds of clusters at once.
_KINDS = 50_000


@dataclass(frozen=True, slots=True)
class Clusters:
    """Data sets, mostly one: three arrays of data sets by kinds of clusters.

    Attributes:
        means: the mean score of a cluster of each kind.
        sizes: number of answers in a cluster of each kind.
        counts: how many clusters of each kind the data set has.
    """

    means: "Array"
    sizes: "Array"
    counts: "Array"

    @property
    def effective(self) -> "Array":
        """The effective number of clusters of each data set: how many of one size would weigh as unequally as these."""
        answers: Array = (self.counts * self.sizes).sum(axis=1)
        squares: Array = (self.counts * self.sizes**2).sum(axis=1)
        return answers**2 / squares

    def mirrored(self) -> "Clusters":
        """The same with each score's sign changed."""
        return Clusters(-self.means, self.sizes, self.counts)


def clusters_of(totals: "Array", sizes: "Array") -> Clusters:
    """The clusters of one data set, equal ones counted.

    Args:
        totals: sum of the scores of each cluster.
        sizes: number of answers in each cluster.
    """
    import numpy as np

    kinds, counts = np.unique(np.stack([totals / sizes, sizes]), axis=1, return_counts=True)
    return Clusters(kinds[:1], kinds[1:], counts[None].astype(float))


def chance_above(data: Clusters, at: float, limit: float = 1.0) -> "Array":
    """For each data set the ``tail`` whose upper bound is ``at``: small if the mean is hardly that high.

    This is the p-value of a test of the null hypothesis that the mean is at least ``at``.

    Args:
        data: the scores.
        at: the mean of the null hypothesis.
        limit: the largest score that there can be.
    """
    import numpy as np

    if at >= limit:
        return np.asarray(np.all((data.counts == 0) | (data.means >= at), axis=1), dtype=float)
    unobserved = (limit - at) * (data.counts * data.sizes).sum(axis=1) / data.effective
    gaps = np.concatenate([(data.means - at) * data.sizes, unobserved[:, None]], axis=1)
    counts = np.concatenate([data.counts, np.ones((len(data.counts), 1))], axis=1)
    gaps = np.where(counts > 0, gaps, 0.0)
    # The smaller of both tails is computed, the only one that is accurate.
    is_likely = (gaps * counts).sum(axis=1, keepdims=True) > 0
    gaps = np.where(is_likely, -gaps, gaps)
    rows = max(1, _BATCH // (_NODES * gaps.shape[1]))
    tails = [_positive(gaps[start : start + rows], counts[start : start + rows]) for start in range(0, len(gaps), rows)]
    tail = np.concatenate(tails)
    return np.where(is_likely[:, 0], 1 - tail, tail)


def chance_below(data: Clusters, at: float, limit: float = 0.0) -> "Array":
    """As :func:`chance_above`, of the null hypothesis that the mean is at most ``at``."""
    return chance_above(data.mirrored(), -at, -limit)


def upper_bound(data: Clusters, tail: float, limit: float = 1.0) -> float:
    """The upper bound of one data set; the mean is higher with probability ``tail`` at most.

    Args:
        data: the scores of one data set.
        tail: below one half.
        limit: the largest score that there can be.
    """
    low, high = float(data.means.min()), limit
    if low >= limit:
        return limit
    # Regula falsi, Illinois variant, on the logarithm of the tail, which is nearly linear.
    goal = math.log(tail)
    left, right = -goal, -math.inf
    side = 0
    for _ in range(_STEPS):
        middle = (low + high) / 2 if math.isinf(right) else high - right * (high - low) / (right - left)
        if not low < middle < high:
            break
        chance = float(chance_above(data, middle, limit)[0])
        value = math.log(chance) - goal if chance > 0 else -math.inf
        if value > 0:
            low, left = middle, value
            right = right / 2 if side == 1 else right
            side = 1
        else:
            high, right = middle, value
            left = left / 2 if side == -1 else left
            side = -1
        if high - low < 0.1**DIGITS / 100 or abs(value) < 1e-12:
            break
    return round(high if value <= 0 else low, DIGITS)


def lower_bound(data: Clusters, tail: float, limit: float = 0.0) -> float:
    """The lower bound, as :func:`upper_bound`; ``limit`` is the smallest score that there can be."""
    return -upper_bound(data.mirrored(), tail, -limit)


def _positive(gaps: "Array", counts: "Array") -> "Array":
    """The probability that a weighted sum of exponential variables is positive.

    Args:
        gaps: weights, an array of sums by kinds; 0 where they do not occur.
        counts: how often each weight occurs in the sum.
    """
    import numpy as np

    scale = gaps.max(axis=1, keepdims=True)
    is_possible = scale[:, 0] > 0
    gaps = np.divide(gaps, scale, out=-np.ones_like(gaps), where=scale > 0)
    # The saddle point of exp(K(s)) / s in (0, 1), where K is the cumulant generating function.
    low, high = np.zeros((len(gaps), 1)), np.ones((len(gaps), 1))
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        slope = (counts * gaps / (1 - gaps * middle)).sum(axis=1, keepdims=True) - 1 / middle
        low, high = np.where(slope < 0, middle, low), np.where(slope < 0, high, middle)
    saddle = low
    ratios = gaps / (1 - gaps * saddle)
    height = -(counts * np.log1p(-gaps * saddle)).sum(axis=1)
    second = (counts * ratios**2).sum(axis=1, keepdims=True) + 1 / saddle**2
    third = 2 * ((counts * ratios**3).sum(axis=1, keepdims=True) - 1 / saddle**3)
    # The path leaves the saddle point with the curvature of steepest descent and ends as a straight line.
    bend = SLOPE * 3 * second / np.maximum(third, 1e-100)
    spread = 1 / np.sqrt(second)
    # Along the path the step grows like a hyperbolic sine, since the integrand may decay slowly.
    ends = np.arange(1, 41) / 2
    _, sizes = _along(spread * np.sinh(ends), bend, ratios, counts, saddle)
    is_over = sizes < _NEGLIGIBLE
    end = np.where(is_over.any(axis=1), ends[np.argmax(is_over, axis=1)], ends[-1])[:, None]
    place = np.arange(_NODES) / (_NODES - 1) * end
    heights = spread * np.sinh(place)
    angles, sizes = _along(heights, bend, ratios, counts, saddle)
    slope = SLOPE * heights / np.hypot(heights, bend)
    integrand = np.exp(sizes) * (np.cos(angles) + slope * np.sin(angles)) * np.cosh(place)
    integrand[:, 0] /= 2
    total = integrand.sum(axis=1) * (end / (_NODES - 1) * spread / saddle)[:, 0] / np.pi
    return np.where(is_possible, np.clip(np.exp(height) * total, 0.0, 1.0), 0.0)


def _along(
    heights: "Array", bend: "Array", ratios: "Array", counts: "Array", saddle: "Array"
) -> tuple["Array", "Array"]:
    """Angle and logarithm of the size of exp(K(s)) / s on the path, relative to the saddle point."""
    import numpy as np

    right = SLOPE * heights**2 / (np.hypot(heights, bend) + bend)
    angles = -np.arctan2(heights, saddle + right)
    sizes = np.log(((saddle + right) ** 2 + heights**2) / saddle**2)
    for start in range(0, ratios.shape[1], _KINDS):
        part, weights = ratios[:, None, start : start + _KINDS], counts[:, start : start + _KINDS, None]
        real, imaginary = 1 - right[:, :, None] * part, heights[:, :, None] * part
        angles = (np.arctan2(imaginary, real) @ weights)[:, :, 0] + angles
        sizes = (np.log(real**2 + imaginary**2) @ weights)[:, :, 0] + sizes
    return angles, -sizes / 2
