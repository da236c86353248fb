"""What a training raises."""

import math
from collections.abc import Callable

# The rewards of answers, each with the number of its prompt.
Score = Callable[[list[tuple[int, str]]], list[float]]


def scored(score: Score, completions: list[tuple[int, str]]) -> list[float]:
    """What a score function says of answers, each with the number of its prompt.

    Raises:
        ValueError: it says not one finite number of each.
    """
    scores = [float(one) for one in score(completions)]
    if len(scores) != len(completions) or not all(map(math.isfinite, scores)):
        raise ValueError(f"{len(completions)} answers need as many finite scores, not {scores}")
    return scores
