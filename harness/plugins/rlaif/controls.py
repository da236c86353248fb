"""The control of shuffled rewards: the same rewards, given to answers at random.

What a training gains with them is not from what the labeler says: more training alone, or the penalty on divergence.
"""

import random
from collections.abc import Sequence
from dataclasses import replace

from apigauge.harness.plugins.rlaif.digests import json_digest
from apigauge.harness.plugins.rlaif.pairs import Labelled
from apigauge.harness.plugins.rlaif.score import Score


def shuffled_labels(answers: Sequence[Labelled], seed: int) -> list[Labelled]:
    """The answers, with the scores of all that have one given to each other at random."""
    rated = [at for at, answer in enumerate(answers) if answer.score is not None]
    others = random.Random(seed).sample(rated, len(rated))  # noqa: S311 - no secret
    shuffled = list(answers)
    for at, other in zip(rated, others, strict=True):
        shuffled[at] = replace(answers[at], score=answers[other].score)
    return shuffled


def shuffled_score(score: Score, seed: int) -> Score:
    """The score function, with the scores of each batch given to its answers at random.

    Equal batches are shuffled equally, so that a resumed training gets the same rewards.
    """

    def shuffled(completions: list[tuple[int, str]]) -> list[float | None]:
        scores = list(score(completions))
        random.Random(f"{seed} {json_digest(completions)}").shuffle(scores)  # noqa: S311 - no secret
        return scores

    return shuffled
