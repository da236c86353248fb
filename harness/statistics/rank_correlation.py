"""Whether a metric ranks answers as another does: Kendall's tau-b over pairs of answers of one run, with its interval.

tau-b (Kendall, "The treatment of ties in ranking problems", Biometrika 33, 1945) is the number of pairs that both
metrics order alike minus that of pairs ordered contrarily, over the geometric mean of the numbers of pairs that each
metric orders at all. Only pairs within a run are counted, and summed over runs, so that a model that is better in both
metrics does not make them agree. The second metric is 0 or 1.

The interval is the percentile bootstrap over APIs: an API is drawn with all answers about it, in all runs. An answer
drawn twice is tied with itself.
"""

import functools
import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apigauge.harness.statistics.intervals import SEED, TAIL

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

DRAWS = 1000


@dataclass(frozen=True, slots=True)
class Ranked:
    """A run's answers: a score by each of two metrics, the second one 0 or 1, and the API that each asks for."""

    x: Sequence[float]
    y: Sequence[float]
    apis: Sequence[str]


@dataclass(frozen=True, slots=True)
class Correlation:
    """Kendall's tau-b with its 95 % interval over ``n`` answers in ``clusters`` APIs."""

    value: float
    low: float
    high: float
    n: int
    clusters: int


def rank_correlation(runs: Sequence[Ranked]) -> Correlation | None:
    """How far the metrics rank the answers of a run alike, over all runs.

    Returns:
        The correlation, from -1 to 1; None where either metric orders no pair of answers of one run.
    """
    import numpy as np

    numbers = {api: at for at, api in enumerate(sorted({api for run in runs for api in run.apis}))}
    whole = _tau(_sums(runs, numbers, np.ones((len(numbers), 1))))
    if not numbers or np.isnan(whole[0]):
        return None
    drawn = _tau(_sums(runs, numbers, _weights(len(numbers))))
    ends = np.quantile(drawn[~np.isnan(drawn)], (TAIL, 1 - TAIL))
    value, low, high = (float(round(one, 9)) for one in (whole[0], *ends))
    return Correlation(value, low, high, sum(len(run.x) for run in runs), len(numbers))


@functools.lru_cache(maxsize=8)
def _weights(clusters: int) -> "Array":
    """How often each cluster is drawn, clusters by draws."""
    import numpy as np

    random = np.random.Generator(np.random.PCG64(SEED))
    drawn = random.multinomial(clusters, [1 / clusters] * clusters, size=DRAWS)
    return np.ascontiguousarray(drawn.T, dtype=float)


def _sums(runs: Sequence[Ranked], numbers: dict[str, int], weights: "Array") -> "Array":
    """By draw: pairs ordered alike minus those ordered contrarily, pairs that x orders, and those that y orders."""
    import numpy as np

    total = np.zeros((3, weights.shape[1]))
    for run in runs:
        total += _run_sums(run, [weights[numbers[api]] for api in run.apis], weights.shape[1])
    return total


def _run_sums(run: Ranked, weights: "Sequence[Array]", draws: int) -> "Array":
    """Of one run, answer by answer from the smallest x on: few numbers at a time are faster than all at once."""
    import numpy as np

    order = sorted(range(len(run.x)), key=run.x.__getitem__)
    alike, squares, all_ones, below = np.zeros((4, draws))
    for _, tied in itertools.groupby(order, key=run.x.__getitem__):
        ones, zeros = np.zeros((2, draws))
        for at in tied:
            part = ones if run.y[at] else zeros
            part += weights[at]
        # Zeros below those of the group, less those above it, of which all zeros are taken away in the end.
        alike += ones * (2 * below + zeros)
        squares += (ones + zeros) ** 2
        all_ones += ones
        below += zeros
    all_zeros = below
    return np.stack([alike - all_ones * all_zeros, ((all_ones + all_zeros) ** 2 - squares) / 2, all_ones * all_zeros])


def _tau(sums: "Array") -> "Array":
    import numpy as np

    ordered = np.sqrt(sums[1] * sums[2])
    tau: Array = np.divide(sums[0], ordered, out=np.full(len(ordered), np.nan), where=ordered > 0)
    return tau
