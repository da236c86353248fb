"""The reward of a training: a function that scores answers."""

import math
from collections.abc import Callable

# From (number of the prompt, answer) pairs to rewards.
Score = Callable[[list[tuple[int, str]]], list[float]]


def scored(score: Score, completions: list[tuple[int, str]]) -> list[float]:
    """The scores of answers, each given with the number of its prompt.

    Raises:
        ValueError: the score function does not return one finite number for each answer.
    """
    scores = [float(one) for one in score(completions)]
    if len(scores) != len(completions) or not all(map(math.isfinite, scores)):
        raise ValueError(f"{len(completions)} answers need as many finite scores; the score function returned {scores}")
    return scores
