"""BLEU's counting, shared by both CodeBLEU scores.

Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation" (ACL 2002), smoothed by method 1 of
Chen and Cherry, "A Systematic Comparison of Smoothing Techniques for Sentence-Level BLEU" (WMT 2014), epsilon 0.1.
"""

import math
from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

ORDERS = 4
_EPSILON = 0.1

Gram = tuple[str, ...]


class Grams(NamedTuple):
    """How often each n-gram occurs, for n from 1 to 4, and the number of tokens."""

    counts: tuple[Counter[Gram], ...]
    length: int


def grams(tokens: Sequence[str]) -> Grams:
    """Counts the n-grams of a token sequence."""
    return Grams(
        tuple(Counter(zip(*(tokens[i:] for i in range(n)), strict=False)) for n in range(1, ORDERS + 1)), len(tokens)
    )


def precision(reference: Grams, candidate: Grams) -> list[tuple[float, float]]:
    """Per order: matched n-grams (each as often as the reference has it) and the candidate's n-grams."""
    pairs = zip(reference.counts, candidate.counts, strict=True)
    return [(shared(r, c), max(1, c.total())) for r, c in pairs]


def shared(left: Counter[Gram], right: Counter[Gram]) -> int:
    """How many n-grams two texts have in common, each as often as both have it."""
    if len(left) > len(right):
        left, right = right, left
    return sum([min(count, right[gram]) for gram, count in left.items() if gram in right])


def bleu(matches: Sequence[tuple[float, float]], reference_length: int, candidate_length: int) -> float:
    """Geometric mean of the per-order ratios times the brevity penalty; 0 if no single token matches."""
    if matches[0][0] == 0:
        return 0.0
    ratios = ((hits or _EPSILON) / total for hits, total in matches)
    penalty = 1.0 if candidate_length > reference_length else math.exp(1 - reference_length / candidate_length)
    return penalty * math.exp(math.fsum(math.log(ratio) / len(matches) for ratio in ratios))
