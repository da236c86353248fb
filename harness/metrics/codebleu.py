"""``codebleu``: CodeBLEU as the ``codebleu`` package computes it, to 1e-12 on the same trees.

Ren et al., "CodeBLEU: a Method for Automatic Evaluation of Code Synthesis" (arXiv 2009.10297), as packaged in
``codebleu`` 0.7.0, its faults included: the empty string scores 0.25, and identical one-liners below 1 (see
``codebleu.corrected`` for what each fault is). The package itself is not needed: it calls an interface of tree-sitter
that no wheel for Python 3.13 has. Two things differ from the published package, and docs/explanation/codebleu.md counts
the effect
of both on the released answers: the grammar is tree-sitter-python 0.23 and not 0.21, and comments and docstrings are
found in the syntax tree and not by the ``tokenize`` of the Python that runs.

The package's data flow goes through ``list(set(...))`` of strings, so about three of a thousand released answers score
differently from one Python process to the next, by up to 0.015. Here those sets keep their order: where the package has
several values, the value is always the same one of them.

BLEU's counting: Papineni et al., "BLEU: a Method for Automatic Evaluation of Machine Translation" (ACL 2002), smoothed
by method 1 of Chen and Cherry, "A Systematic Comparison of Smoothing Techniques for Sentence-Level BLEU" (WMT 2014),
epsilon 0.1.
"""

import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import NamedTuple

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.extraction.extract import Extraction
from apigauge.harness.extraction.syntax import MAX_DEPTH, RESERVED, syntax_tree, version
from apigauge.harness.metrics.data_flow import Flow, data_flow
from apigauge.harness.metrics.types import Metric, Scored

__all__ = [
    "KEYWORDS",
    "ORDERS",
    "Grams",
    "Parts",
    "TooDeepError",
    "bleu",
    "flow_recall",
    "flows",
    "grams",
    "make",
    "packaged",
    "parts",
    "precision",
    "stripped",
    "trees",
    "version",
]

ORDERS = 4
_EPSILON = 0.1
# The package takes the length of the pair (tokens, weights) for the reference's length in its weighted part.
_PAIR = 2
# Nested loops: each level doubles the time of the data flow.
MAX_LOOPS = 8
# These weigh five times as much: https://docs.python.org/3.12/reference/lexical_analysis.html#keywords, and the soft
# keywords except the underscore.
KEYWORDS = RESERVED | {"match", "case", "type"}


class TooDeepError(Exception):
    """A program is nested more deeply than can be compared."""


Gram = tuple[str, ...]


class Grams(NamedTuple):
    """How often each n-gram occurs, for n from 1 to 4, and the number of tokens."""

    counts: tuple[Counter[Gram], ...]
    length: int


class Parts(NamedTuple):
    """The parts of one text that CodeBLEU compares.

    Attributes:
        grams: n-grams of the tokens.
        trees: S-expression of each subtree that has children, the root first.
        flows: normalised data-flow edges.
    """

    grams: Grams
    trees: tuple[str, ...]
    flows: tuple[Flow, ...]


def make(_benchmark: Benchmark) -> Metric:
    """The metric; it does not depend on the benchmark."""

    def metric(item: Item, extraction: Extraction) -> Scored:
        try:
            reference = parts(item.reference_program or item.reference_call)
            return Scored({"codebleu": packaged(reference, parts(extraction.program or ""))})
        except TooDeepError:
            return Scored({"codebleu": 0.0}, {"codebleu": "too_deep"})

    return metric


def packaged(reference: Parts, candidate: Parts) -> float:
    """The package's score with equal weights; a data-flow score of zero counts as one, as there."""
    matches = precision(reference.grams, candidate.grams)
    weighted = _weighted_recall(reference.grams, candidate.grams, matches)
    return (
        0.25 * bleu(matches, reference.grams.length, candidate.grams.length)
        + 0.25 * bleu(weighted, _PAIR, candidate.grams.length)
        + 0.25 * _tree_recall(reference.trees, candidate.trees)
        + 0.25 * (flow_recall(reference.flows, candidate.flows) or 1)
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


def _weighted_recall(
    reference: Grams, candidate: Grams, matches: list[tuple[float, float]]
) -> list[tuple[float, float]]:
    """Per order: the reference's n-grams found, and all of them; single tokens weigh 1 if keywords, else 0.2."""
    hits = total = 0.0
    for gram, count in reference.counts[0].items():
        weight = 1.0 if gram[0] in KEYWORDS else 0.2
        hits += min(count, candidate.counts[0][gram]) * weight
        total += count * weight
    pairs = zip(matches[1:], reference.counts[1:], strict=True)
    return [(hits, max(1, total)), *((in_both, max(1, counts.total())) for (in_both, _), counts in pairs)]


def _tree_recall(reference: tuple[str, ...], candidate: tuple[str, ...]) -> float:
    present = set(candidate)
    return sum(tree in present for tree in reference) / len(reference)


def flow_recall(reference: tuple[Flow, ...], candidate: tuple[Flow, ...]) -> float:
    """Share of the reference's data-flow edges matched, each candidate edge once; 0 if the reference has none."""
    unmatched = list(candidate)
    matched = 0
    for flow in reference:
        if flow in unmatched:
            matched += 1
            unmatched.remove(flow)
    return matched / len(reference) if reference else 0.0


@lru_cache(maxsize=8_192)
def parts(text: str) -> Parts:
    """A text's parts; tokens are split at white space."""
    text = text.strip()
    code = stripped(text)
    subtrees = trees(code)  # first: it refuses the texts on which the others would exhaust the stack
    return Parts(grams(text.split()), subtrees, flows(code))


def grams(tokens: Sequence[str]) -> Grams:
    """Counts the n-grams of a token sequence."""
    return Grams(
        tuple(Counter(zip(*(tokens[i:] for i in range(n)), strict=False)) for n in range(1, ORDERS + 1)), len(tokens)
    )


@lru_cache(maxsize=8_192)
def stripped(code: str) -> str:
    """The code without comments and without strings that are statements (docstrings)."""
    source = code.encode("utf-8", "replace")
    pieces, position = [], 0
    stack = [syntax_tree(source).root_node]
    while stack:
        node = stack.pop()
        is_docstring = node.type == "expression_statement" and [child.type for child in node.children] == ["string"]
        if node.type == "comment" or is_docstring:
            pieces.append(source[position : node.start_byte])
            position = node.end_byte
        else:
            stack.extend(reversed([child for child in node.children if child.child_count or child.type == "comment"]))
    pieces.append(source[position:])
    return b"".join(pieces).decode("utf-8", "replace") if position else code


@lru_cache(maxsize=8_192)
def trees(code: str) -> tuple[str, ...]:
    """S-expressions of the subtrees with children, the root first.

    Raises:
        TooDeepError: the tree is too deep. tree-sitter writes S-expressions by recursion in C, and some thousand levels
            would end the process.
    """
    stack = [(syntax_tree(code.encode("utf-8", "replace")).root_node, 1, 0)]
    nodes = []
    while stack:
        node, depth, loops = stack.pop()
        loops += node.type in ("for_statement", "while_statement")
        if depth > MAX_DEPTH or loops > MAX_LOOPS:
            raise TooDeepError
        nodes.append(node)
        stack.extend((child, depth + 1, loops) for child in node.children if child.child_count)
    return tuple(str(node) for node in nodes)


@lru_cache(maxsize=8_192)
def flows(code: str) -> tuple[Flow, ...]:
    """Data-flow edges with variables numbered in order of appearance."""
    return data_flow(syntax_tree(code.encode("utf-8", "replace")).root_node, code)
