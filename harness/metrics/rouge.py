"""``rouge.1``, ``rouge.2``, ``rouge.L``: F-measures of the ``rouge-score`` package on the program, to the last digit.

The package itself is not needed; the tests compare every number with it.

Lin, "ROUGE: A Package for Automatic Evaluation of Summaries" (2004). Tokens are the package's own (lower case, letters
and digits only, no stemmer): punctuation does not count, so read these together with the AST metrics, never alone.
Counts of references are cached, and the longest common subsequence is found by Hyyrö's bit-parallel algorithm
("Bit-parallel LCS-length computation revisited", 2004), which gives the same length as the package's table in a
fraction of the time.
"""

import itertools
import re
from collections import Counter
from functools import lru_cache
from typing import Any, NamedTuple

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.extraction.extract import Extraction
from apigauge.harness.metrics.types import Metric, Scored

_WORD = re.compile(r"[a-z0-9]+")


class WordCounts(NamedTuple):
    """A text's words in order, and how often each word and each pair of neighbours occurs."""

    sequence: tuple[str, ...]
    unigrams: Counter[str]
    bigrams: Counter[tuple[str, str]]


def make(_benchmark: Benchmark) -> Metric:
    """The metric; it does not depend on the benchmark."""
    count_reference = lru_cache(maxsize=4_096)(count_words)

    def metric(item: Item, extraction: Extraction) -> Scored:
        reference = count_reference(item.reference_program or item.reference_call)
        return Scored(rouge(reference, count_words(extraction.program or "")))

    return metric


def version() -> str:
    """The package with the same numbers."""
    return "as rouge-score 0.1.2, without a stemmer"


def count_words(text: str) -> WordCounts:
    """The package's tokens of a text: runs of ASCII letters and digits, in lower case."""
    sequence = tuple(_WORD.findall(text.lower()))
    return WordCounts(sequence, Counter(sequence), Counter(itertools.pairwise(sequence)))


def rouge(reference: WordCounts, candidate: WordCounts) -> dict[str, float]:
    """F-measures by metric name."""
    lcs = lcs_length(reference.sequence, candidate.sequence)
    return {
        "rouge.1": _f_measure(
            (reference.unigrams & candidate.unigrams).total(), reference.unigrams, candidate.unigrams
        ),
        "rouge.2": _f_measure((reference.bigrams & candidate.bigrams).total(), reference.bigrams, candidate.bigrams),
        "rouge.L": _f_measure(lcs, reference.unigrams, candidate.unigrams),
    }


def _f_measure(overlap: int, reference: Counter[Any], candidate: Counter[Any]) -> float:
    precision = overlap / max(candidate.total(), 1)
    recall = overlap / max(reference.total(), 1)
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0


def lcs_length(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    """Length of the longest common subsequence."""
    positions: dict[str, int] = {}
    for index, token in enumerate(left):
        positions[token] = positions.get(token, 0) | 1 << index
    mask = (1 << len(left)) - 1
    row = mask
    for token in right:
        matches = row & positions.get(token, 0)
        row = ((row + matches) | (row - matches)) & mask
    return len(left) - row.bit_count()
