"""How well a reward model ranks held-out answers.

Sources, by the names used below:

- Bradley and Terry, "Rank Analysis of Incomplete Block Designs: I. The Method of Paired Comparisons" (1952), Biometrika
  39: the better of two has probability sigmoid(r_a - r_b).
- Guo: Guo et al., "On Calibration of Modern Neural Networks" (2017), arXiv 1706.04599.
"""

import math
from collections.abc import Sequence
from typing import Any

from apigauge.harness.plugins.rlaif.pairs import Labelled, Pair
from apigauge.harness.statistics.intervals import estimate

# Metrics of the harness that rewards are correlated with.
MEASURED = ("exec.rate", "ast.exact")
_BINS = 10


def evaluation(answers: Sequence[Labelled], rewards: Sequence[float], pairs: Sequence[Pair]) -> dict[str, Any]:
    """Accuracy, calibration and correlations, as in ``report.json``; None where there are no data.

    Args:
        answers: held-out answers.
        rewards: of these answers.
        pairs: of these answers, at least one.
    """
    reward_of = {(one.item, one.sample): reward for one, reward in zip(answers, rewards, strict=True)}
    differences = [
        reward_of[pair.chosen.item, pair.chosen.sample] - reward_of[pair.rejected.item, pair.rejected.sample]
        for pair in pairs
    ]
    scores = {"score": [one.score for one in answers]}
    scores |= {name: [one.metrics.get(name) for one in answers] for name in MEASURED}
    return {
        "accuracy": estimate([float(one > 0) for one in differences], [pair.chosen.api for pair in pairs]).to_json(),
        "calibration": calibration(differences),
        "correlation": {name: correlation(rewards, values) for name, values in scores.items()},
    }


def calibration(differences: Sequence[float]) -> dict[str, Any]:
    """Whether the model prefers the chosen answer as often as its probability predicts.

    The probability is Bradley and Terry's for the answer with the greater reward, so from 0.5 to 1, in ten bins of
    equal width. ``error`` is the expected calibration error: the mean over pairs of |share right - mean
    probability| of their bin (Guo, equation 3).

    Args:
        differences: the chosen answer's reward minus the rejected one's, one a pair.
    """
    bins: list[list[tuple[float, bool]]] = [[] for _ in range(_BINS)]
    for difference in differences:
        probability = 1 / (1 + math.exp(-abs(difference)))
        bins[min(int((probability - 0.5) * 2 * _BINS), _BINS - 1)].append((probability, difference > 0))
    rows, error = [], 0.0
    for number, members in enumerate(bins):
        row: dict[str, Any] = {
            "low": (number / _BINS + 1) / 2,
            "high": ((number + 1) / _BINS + 1) / 2,
            "n": len(members),
        }
        if members:
            probability, right = (sum(column) / len(members) for column in zip(*members, strict=True))
            error += len(members) / len(differences) * abs(right - probability)
            row |= {"probability": probability, "right": right}
        rows.append(row)
    return {"error": error, "bins": rows}


def correlation(rewards: Sequence[float], values: Sequence[float | None]) -> dict[str, Any]:
    """Pearson's and Spearman's coefficient over the answers that have a value; None where one side is constant."""
    from scipy import stats

    with_value = [(reward, value) for reward, value in zip(rewards, values, strict=True) if value is not None]
    ours, theirs = ([pair[side] for pair in with_value] for side in (0, 1))
    if len(set(ours)) < 2 or len(set(theirs)) < 2:
        return {"pearson": None, "spearman": None, "n": len(with_value)}
    pearson, spearman = (float(kind(ours, theirs).statistic) for kind in (stats.pearsonr, stats.spearmanr))
    return {"pearson": pearson, "spearman": spearman, "n": len(with_value)}
