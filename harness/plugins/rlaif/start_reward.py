"""The mean reward at the start of a training, which the reward-hacking check compares later rewards with.

The first batch of the training would be too few: where it happened to be good, no later reward seems to have risen.

This module loads torch: import it where it is used.
"""

import math
from collections.abc import Sequence
from typing import Any

import torch

from apigauge.harness.generation.checkpoint import find
from apigauge.harness.plugins.rlaif.options import TrainOptions
from apigauge.harness.plugins.rlaif.policy import Policy
from apigauge.harness.plugins.rlaif.score import Score, scored

MOST_QUESTIONS = 1000


def spread(count: int, most: int) -> list[int]:
    """At most ``most`` of the numbers below ``count``, evenly spread."""
    chosen = min(count, most)
    return [at * count // chosen for at in range(chosen)]


def start_reward(start: str, prompts: Sequence[str], score: Score, options: TrainOptions) -> dict[str, Any]:
    """The mean reward of one sampled answer to each training question, at most 1,000 of them.

    Args:
        start: the checkpoint.
        prompts: of the training.
        score: of the training.
        options: of the training: temperature, longest answer and seed.

    Returns:
        ``reward``, the number of ``answers``, and the standard error of the reward (``se``).
    """
    numbers, rewards = spread(len(prompts), MOST_QUESTIONS), []
    with torch.random.fork_rng():
        policy = Policy(find(start), options)
        encoded = policy.encode([prompts[number] for number in numbers], chat=options.chat)
        draws = torch.Generator().manual_seed(options.seed)
        for at in range(0, len(numbers), options.batch):
            rows = slice(at, at + options.batch)
            uniform = torch.rand(len(numbers[rows]), options.max_new_tokens, generator=draws)
            _, answers = policy.draw(encoded[rows], uniform)
            pairs = zip(numbers[rows], answers, strict=True)
            rewards += scored(score, [(number, answer.text) for number, answer in pairs]).scores
    mean = math.fsum(rewards) / len(rewards)
    variance = math.fsum((reward - mean) ** 2 for reward in rewards) / max(1, len(rewards) - 1)
    return {"reward": mean, "answers": len(rewards), "se": math.sqrt(variance / len(rewards))}
