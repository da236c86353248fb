"""The reward of a training: a function that scores answers."""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from apigauge.errors import ModelError

# From (number of the prompt, answer) pairs to rewards; None where the labeler's reply about an answer is unreadable.
Score = Callable[[list[tuple[int, str]]], Sequence[float | None]]
# A labeler that leaves more than this share of answers without a score does not work as it is.
MOST_UNREAD = 0.5


class Scored(NamedTuple):
    """The scores of a batch, and for how many of its answers there was none."""

    scores: list[float]
    unread: int


def scored(score: Score, completions: list[tuple[int, str]]) -> Scored:
    """The scores of answers, each given with the number of its prompt.

    An answer without a score gets the mean of the batch's others, so that nothing is learnt from its reward.

    Raises:
        ValueError: the score function does not return one finite number, or None, for each answer.
        ModelError: more than half of the answers have no score.
    """
    scores = score(completions)
    given = [float(one) for one in scores if one is not None]
    if len(scores) != len(completions) or not all(map(math.isfinite, given)):
        raise ValueError(f"{len(completions)} answers need as many finite scores; the score function returned {scores}")
    unread = len(scores) - len(given)
    if unread > MOST_UNREAD * len(scores):
        raise ModelError(
            f"{unread} of {len(scores)} answers have no score, since the labeler's replies are neither yes nor no; "
            "take another labeler, or raise max_new_tokens in [labeler_options]"
        )
    mean = math.fsum(given) / len(given) if given else 0.0
    return Scored([mean if one is None else float(one) for one in scores], unread)
