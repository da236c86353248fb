"""The sign-flip test of significance.py over thousands of APIs, where building up the distribution takes too long.

The chance of each sum is the inverse Fourier transform of the characteristic function, a product over the different
sizes of totals. Each sign is drawn with the odds under which the observed sum is the expected one (Esscher, "On the
probability function in the collective theory of risk", Skandinavisk Aktuarietidskrift 15, 1932), and the chance of
what was drawn is divided out again: so a small tail is as accurate as a large one, and the transform need only be as
wide as a few dozen standard deviations.
"""

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

# Totals of an API that differ by less are equal.
ZERO = 1e-9
# The largest denominator of a common unit that is tried.
DENOMINATORS = 64
# Of totals without a common unit, how many units an average one is rounded to.
_FINE = 50
# Standard deviations, and largest totals, that a transform is wide; and the most numbers that it has.
_WIDE, _MOST = 40, 2**23
# Logarithm of a factor below which a product of such no longer counts.
_NEGLIGIBLE = -45.0
_BISECTIONS = 80


def many_tails(totals: "Array") -> tuple[float, float]:
    """The probabilities that random signs give a sum as low or lower, and one as high or higher.

    Exact but for the rounding of floats where the totals are multiples of some 1/1 to 1/64; others are rounded, the
    sum observed is not.

    Args:
        totals: the total difference of each API, none of them zero.
    """
    import numpy as np

    scale = _scale(totals)
    sizes, counts = np.unique(np.rint(np.abs(totals) * scale), return_counts=True)
    sizes, counts = sizes[sizes > 0], counts[sizes > 0]
    observed = round(math.fsum(totals) * scale)
    far, at = _upper(sizes, counts, abs(observed))
    near = min(1.0, max(far, 1 - far + at))
    return (near, far) if observed >= 0 else (far, near)


def _scale(totals: "Array") -> float:
    """Units in 1: of a common one, if a transform can be so wide, else of one that is fine enough."""
    import numpy as np

    sizes = np.abs(totals)
    widest = _MOST / (_WIDE * (math.sqrt(float((sizes**2).sum())) + float(sizes.max())))
    for denominator in range(1, min(DENOMINATORS, int(widest)) + 1):
        multiples = sizes * denominator
        if np.abs(np.rint(multiples) - multiples).max() < ZERO:
            return denominator
    return min(widest, _FINE * len(sizes) / float(sizes.sum()))


def _upper(sizes: "Array", counts: "Array", observed: int) -> tuple[float, float]:
    """The probabilities of a sum at least as high as that observed, and of just that one.

    Args:
        sizes: the different sizes of totals, in whole units.
        counts: how many totals have each size.
        observed: the sum, not negative.
    """
    import numpy as np

    reach, number = int(sizes @ counts), int(counts.sum())
    least = 0.5 ** min(number, 1000)
    # Sums are those with a number of units on the negative side, of which this is the largest that counts.
    flipped = (reach - observed) // 2
    if flipped <= 0:
        return least, least
    tilt = _tilt(sizes, counts, reach - 2 * flipped)
    odds = 1 / (1 + np.exp(2 * tilt * sizes))
    deviation = math.sqrt(float((sizes**2 * odds * (1 - odds)) @ counts))
    width = 2 ** math.ceil(math.log2(_WIDE * (deviation + float(sizes[-1])) + 1))
    # The chances of so many flipped units, of one fewer, and so on; in the second half, of more.
    chances = np.fft.irfft(_characteristic(sizes, counts, odds, flipped, width), width)
    downward = np.clip(chances[: width // 2], 0.0, None)
    level = float((np.logaddexp(tilt * sizes, -tilt * sizes) - math.log(2)) @ counts) - tilt * (reach - 2 * flipped)
    tail = math.exp(level) * float((downward * np.exp(-2 * tilt * np.arange(len(downward)))).sum())
    is_possible = (reach - observed) % 2 == 0
    return min(1.0, max(least, tail)), math.exp(level) * float(downward[0]) if is_possible else 0.0


def _tilt(sizes: "Array", counts: "Array", expected: int) -> float:
    """The logarithm of the odds of a sign, halved, for one unit, so that the sum's expectation is this one."""
    import numpy as np

    low, high = 0.0, 1.0 / float(sizes[0])
    while float((sizes * np.tanh(high * sizes)) @ counts) < expected and high < 400:
        high *= 2
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        is_below = float((sizes * np.tanh(middle * sizes)) @ counts) < expected
        low, high = (middle, high) if is_below else (low, middle)
    return low


def _characteristic(sizes: "Array", counts: "Array", odds: "Array", flipped: int, width: int) -> "Array":
    """The characteristic function of the number of flipped units, less ``flipped``, at the nodes of a transform."""
    import numpy as np

    values = np.zeros(width // 2 + 1, dtype=complex)
    nodes = np.arange(len(values))
    logarithms = np.zeros(len(nodes), dtype=complex)
    for at in np.argsort(-counts, kind="stable").tolist():
        # Whole turns are left out before the product is rounded.
        turns = nodes * int(sizes[at]) % width * (2 * math.pi / width)
        logarithms += counts[at] * np.log(1 - odds[at] + odds[at] * np.exp(1j * turns))
        # No later factor is larger than 1.
        counted = logarithms.real > _NEGLIGIBLE
        nodes, logarithms = nodes[counted], logarithms[counted]
    turns = nodes * (flipped % width) % width * (2 * math.pi / width)
    values[nodes] = np.exp(logarithms - 1j * turns)
    return values
