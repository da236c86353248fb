"""Which drops the sign-flip test detects, and how many answers it would take to tell more.

Two ways of getting worse are simulated, because an API's answers may be lost one by one or all together, and the second
is much harder to see:

- *answers*: each answer's score is lost with equal probability;
- *APIs*: all scores about an API are lost together, each API with equal probability.

The noise is that of the two runs: they are swapped at random in each API, so that the null hypothesis holds, before
scores of one of them are lost. APIs and their questions are those of the benchmark.
"""

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from apigauge.harness.statistics.bounded_mean import Clusters, chance_below
from apigauge.harness.statistics.intervals import SEED, TAIL
from apigauge.harness.statistics.significance import ALPHA, NORMAL, Pairs

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

Loss = Literal["answers", "apis"]
POWER = 0.80
_REPLICATES, _FEWEST = 2_000, 400
# Steps of the search for the power, how many of them halve, and the deviate that is close enough to end it.
_STEPS, _HALVINGS, _CLOSE = 12, 2, 0.015
# So many scores are drawn at most; with many answers fewer replicates do.
_SCORES = 2_000_000
# Above so many answers, an API's loss one by one is drawn as one number, of the same mean and variance.
_EACH = 20_000
# Above so many APIs the sums over them are normal, and none is drawn.
_MANY = 40_000
# From this effective number of differing APIs, the flipped sum is approximated by a normal distribution.
_ENOUGH = 40
# Sign patterns drawn where an exact distribution of this many numbers would be too slow.
_FLIPS, _NUMBERS = 4_000, 20_000_000
_FLIPS_AT_ONCE = 500
# Replicates and kinds of clusters of the simulated pass; the most copies of the benchmark that are thought of.
_PASSES, _KINDS, _COPIES = 100, 5_000, 1_000.0


def minimum_detectable(
    data: Pairs, alpha: float = ALPHA, power: float = POWER, loss: Loss = "answers", seed: int = SEED
) -> float | None:
    """The smallest drop of the mean that the test detects with probability ``power``.

    Args:
        data: both runs' scores.
        alpha: level of the one-sided test.
        power: of the test.
        loss: what is lost together.
        seed: of the simulation.

    Returns:
        The expected drop; None where even the loss of all scores is not detected with that probability.
    """
    if len(data.counts) > _MANY:
        return _search(data, lambda rate: _normal_power(data, rate, alpha, loss), power)
    import numpy as np

    draw = np.random.default_rng(seed)
    answers, apis = data.answers, len(data.counts)
    # Of scores that are not 0 or 1 the test itself is slow.
    most = _REPLICATES if data.discordant is not None else _REPLICATES // 2
    replicates = max(_FEWEST, min(most, _SCORES // answers))
    totals = data.after - data.before
    swapped = draw.integers(0, 2, (replicates, apis), dtype=np.int8).astype(bool)
    differences = np.where(swapped, -totals, totals)
    losses = _losses(data, swapped, loss, draw)

    def detects(rate: float) -> float:
        p_values = _p_values(differences - losses(rate), draw_flips(), data.discordant is not None)
        return float((p_values <= alpha).mean())

    def draw_flips() -> "np.random.Generator":
        return np.random.default_rng(seed + 1)

    return _search(data, detects, power)


def _search(data: Pairs, detects: Callable[[float], float], power: float) -> float | None:
    """The expected drop at the rate of losses that is detected with probability ``power``; None if none is."""
    largest = detects(1.0)
    if largest < power:
        return None
    # Regula falsi, Illinois variant, on the deviates of the power, which are nearly linear.
    low, high, left, right = 0.0, 1.0, _deviate(0.0) - _deviate(power), _deviate(largest) - _deviate(power)
    side = 0
    for step in range(_STEPS):
        middle = (low + high) / 2 if step < _HALVINGS else low - left * (high - low) / (right - left)
        above = _deviate(detects(middle)) - _deviate(power)
        if above >= 0:
            high, right, left = middle, above, left / 2 if side == 1 else left
        else:
            low, left, right = middle, above, right / 2 if side == -1 else right
        side = 1 if above >= 0 else -1
        if step >= _HALVINGS and abs(above) < _CLOSE:
            high = middle
            break
    return high * float((data.before + data.after).sum()) / (2 * data.answers)


def _normal_power(data: Pairs, rate: float, alpha: float, loss: Loss) -> float:
    """The probability that the test detects losses at this rate, where both its sum and the sum of squares are of many.

    Each API is in one of two states, swapped or not, equally often.
    """
    import numpy as np

    totals, starts = data.after - data.before, np.cumsum(data.counts) - data.counts
    squares: Array = np.zeros(len(totals))
    for change, side, scores in ((totals, data.after, data.scores[1]), (-totals, data.before, data.scores[0])):
        if loss == "apis":
            squares = squares + ((1 - rate) * change**2 + rate * (change - side) ** 2) / 2
        else:
            single = np.add.reduceat(scores**2, starts)
            squares = squares + ((change - rate * side) ** 2 + rate * (1 - rate) * single) / 2
    means = -rate * (data.before + data.after) / 2
    reach = NORMAL.inv_cdf(alpha) * math.sqrt(float(np.sum(squares))) - (data.discordant is not None)
    spread = math.sqrt(float(np.sum(squares - means**2)))
    return NORMAL.cdf((reach - float(means.sum())) / spread) if spread else float(reach >= means.sum())


def _losses(data: Pairs, swapped: "Array", loss: Loss, draw: "np.random.Generator") -> "Callable[[float], Array]":
    """What each API loses in each replicate, from the rate at which scores are lost; the draws are the same for all."""
    import numpy as np

    starts = np.cumsum(data.counts) - data.counts
    by_api = np.where(swapped, data.before, data.after) if loss == "apis" or data.answers > _EACH else None
    if by_api is None:
        scores = np.where(np.repeat(swapped, data.counts, axis=1), data.scores[0], data.scores[1])
        fates = draw.random(scores.shape, dtype=np.float32)
        return lambda rate: np.asarray(np.add.reduceat(np.where(fates < rate, scores, 0.0), starts, axis=1))
    if loss == "apis":
        fates = draw.random(by_api.shape, dtype=np.float32)
        return lambda rate: np.where(fates < rate, by_api, 0.0)
    before, after = np.add.reduceat(data.scores**2, starts, axis=1)
    squares = np.where(swapped, before, after)
    noise = draw.standard_normal(by_api.shape, dtype=np.float32)
    return lambda rate: rate * by_api + np.sqrt(rate * (1 - rate) * squares) * noise


def _deviate(power: float) -> float:
    return NORMAL.inv_cdf(min(max(power, 0.001), 0.999))


def answers_needed(data: Pairs, drop: float, alpha: float = ALPHA, power: float = POWER) -> int:
    """About how many answers detect a drop by answers lost one by one with probability ``power``.

    By normal approximation.
    """
    import numpy as np

    totals = data.after - data.before
    right = (data.before + data.after) / 2
    rate = min(1.0, drop * data.answers / float(right.sum())) if right.sum() else 1.0
    noise = ((totals - data.counts * (totals.sum() / data.answers)) ** 2).sum() + rate * (1 - rate) * right.sum()
    null_variance = noise + ((rate * right) ** 2).sum()
    variance = noise + ((rate * right - drop * data.counts) ** 2).sum()
    reach = NORMAL.inv_cdf(1 - alpha) * np.sqrt(null_variance) + NORMAL.inv_cdf(power) * np.sqrt(variance)
    return int(np.ceil(reach**2 / (drop**2 * data.answers)))


def answers_to_pass(data: Pairs, margin: float, power: float = POWER, seed: int = SEED) -> int | None:
    """About how many answers, about proportionally more APIs, rule out a drop of the margin in a run that is no worse.

    Args:
        data: both runs' scores, which say how noisy a run is that is no worse.
        margin: the drop to rule out.
        power: probability of the pass.
        seed: of the simulation.

    Returns:
        None where it would take more than a thousand times as many answers.
    """
    import numpy as np

    kinds, counts = np.unique(
        np.stack([np.abs(data.after - data.before), data.counts]).astype(float), axis=1, return_counts=True
    )
    changed = kinds[0] > 0
    replicates = max(10, min(_PASSES, _KINDS // len(counts))) if changed.any() else 1
    noise = np.random.default_rng(seed).standard_normal((replicates, len(counts)))

    def passes(copies: float) -> bool:
        many = copies * counts
        won = np.where(changed, np.clip(many / 2 + noise * np.sqrt(many) / 2, 0, many), 0)
        means = np.concatenate([-kinds[0] / kinds[1], kinds[0] / kinds[1]])
        sizes = np.concatenate([kinds[1], kinds[1]])
        shape = (replicates, len(means))
        clusters = Clusters(
            np.broadcast_to(means, shape), np.broadcast_to(sizes, shape), np.concatenate([many - won, won], axis=1)
        )
        return float((chance_below(clusters, -margin, -1.0) < TAIL).mean()) >= power

    low, high = 0.0, 0.0  # logarithms
    if passes(1.0):
        return data.answers
    while not passes(math.exp(high)):
        low, high = high, high + 1
        if high > math.log(_COPIES):
            return None
    for _ in range(12):
        middle = (low + high) / 2
        low, high = (low, middle) if passes(math.exp(middle)) else (middle, high)
    return math.ceil(data.answers * math.exp(high))


def _p_values(totals: "Array", draw: "np.random.Generator", is_whole: bool) -> "Array":
    """For each row of APIs' totals the one-sided p-value of the sign-flip test."""
    import numpy as np

    squares = totals**2
    variance, fourth = squares.sum(axis=1), (squares**2).sum(axis=1)
    enough = variance**2 >= _ENOUGH * np.maximum(fourth, 1e-300)
    p_values = np.empty(len(totals))
    if enough.any():
        # Possible sums of whole numbers mostly lie two apart: the continuity correction is half of that.
        deviates = (totals[enough].sum(axis=1) + is_whole) / np.sqrt(variance[enough])
        p_values[enough] = [NORMAL.cdf(deviate) for deviate in deviates]
    if not enough.all():
        rest = totals[~enough]
        numbers = (rest != 0).sum(axis=1).max() * (2 * np.abs(rest).sum(axis=1).max() + 1) * len(rest)
        p_values[~enough] = exact(np.rint(rest).astype(int)) if is_whole and numbers <= _NUMBERS else _drawn(rest, draw)
    return p_values


def exact(totals: "Array") -> "Array":
    """For each row of whole numbers the probability that random signs give a sum as low or lower.

    The sum's distribution is the inverse Fourier transform of its characteristic function, the product of the cosines.
    """
    import numpy as np

    sizes = -np.sort(-np.abs(totals), axis=1)
    sizes = sizes[:, : max(1, int((sizes > 0).sum(axis=1).max()))]
    reach = int(sizes.sum(axis=1).max())
    angles = 2 * np.pi * np.arange(2 * reach + 1) / (2 * reach + 1)
    cosines = np.cos(np.arange(int(sizes.max()) + 1)[:, None] * angles)
    product = np.ones((len(totals), len(angles)))
    for column in sizes.T:
        product *= cosines[column]
    tails = np.cumsum(np.fft.fftshift(np.fft.ifft(product, axis=1).real, axes=1), axis=1)
    at = totals.sum(axis=1) + reach
    least = 0.5 ** np.minimum((sizes > 0).sum(axis=1), 1000)
    return np.asarray(np.clip(tails[np.arange(len(totals)), at], least, 1.0))


def _drawn(totals: "Array", draw: "np.random.Generator") -> "Array":
    """The same for any numbers, by random signs, which all rows share."""
    import numpy as np

    signs = draw.integers(0, 2, (totals.shape[1], _FLIPS), dtype=np.int8)
    single = totals.astype(np.float32)
    bound = totals.sum(axis=1).astype(np.float32)[:, None] + np.float32(1e-4)
    as_low = np.zeros(len(totals), dtype=int)
    # In parts: as numbers the signs of ten thousand APIs take 80 MB.
    for first in range(0, _FLIPS, _FLIPS_AT_ONCE):
        part = (signs[:, first : first + _FLIPS_AT_ONCE] * 2 - 1).astype(np.float32)
        as_low += (single @ part <= bound).sum(axis=1)
    return np.asarray((1 + as_low) / (1 + _FLIPS))
