"""``codebleu``: CodeBLEU as the ``codebleu`` package computes it, to 1e-12 on the same trees.

Ren et al., "CodeBLEU: a Method for Automatic Evaluation of Code Synthesis" (arXiv 2009.10297), as packaged in
``codebleu`` 0.7.0, its faults included: the empty string scores 0.25, and identical one-liners below 1 (see
``codebleu.corrected`` for what each fault is). The package itself is not needed: it calls an interface of tree-sitter
that no wheel for Python 3.13 has. Two things differ from it as published,
and docs/codebleu.md counts both over the released answers: the grammar is tree-sitter-python 0.23 and not 0.21, and
comments and docstrings are found in the syntax tree and not by the ``tokenize`` of the Python that runs.

The package's data flow goes through ``list(set(...))`` of strings, so about three of a thousand released answers score
differently from one Python process to the next, by up to 0.015. Here those sets keep their order: the value is the
package's wherever the package has one, and one of the package's values, always the same, where it has several.
"""

from functools import lru_cache
from typing import NamedTuple

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.extraction.extract import Extraction
from apigauge.harness.extraction.syntax import MAX_DEPTH, syntax_tree
from apigauge.harness.extraction.syntax import version as syntax_version
from apigauge.harness.metrics.data_flow import Flow, data_flow
from apigauge.harness.metrics.ngrams import Grams, bleu, grams, precision, shared
from apigauge.harness.metrics.types import Metric, Scored

# The package takes the length of the pair (tokens, weights) for the reference's length in its weighted part.
_PAIR = 2
# Loops in loops: the data flow takes twice the time for each.
MAX_LOOPS = 8
# What weighs five times as much: https://docs.python.org/3.12/reference/lexical_analysis.html#keywords, and the soft
# ones but for the underscore.
KEYWORDS = frozenset(
    {
        "False",
        "None",
        "True",
        "and",
        "as",
        "assert",
        "async",
        "await",
        "break",
        "class",
        "continue",
        "def",
        "del",
        "elif",
        "else",
        "except",
        "finally",
        "for",
        "from",
        "global",
        "if",
        "import",
        "in",
        "is",
        "lambda",
        "nonlocal",
        "not",
        "or",
        "pass",
        "raise",
        "return",
        "try",
        "while",
        "with",
        "yield",
        "match",
        "case",
        "type",
    }
)


class TooDeepError(Exception):
    """A program is nested more deeply than can be compared."""


class Parts(NamedTuple):
    """What CodeBLEU compares of one text.

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


def version() -> str:
    """What parses."""
    return syntax_version()


def packaged(reference: Parts, candidate: Parts) -> float:
    """The package's score with equal weights; a data-flow score of zero counts as one, as there."""
    return (
        0.25 * bleu(precision(reference.grams, candidate.grams), reference.grams.length, candidate.grams.length)
        + 0.25 * bleu(_weighted_recall(reference.grams, candidate.grams), _PAIR, candidate.grams.length)
        + 0.25 * _tree_recall(reference.trees, candidate.trees)
        + 0.25 * (flow_recall(reference.flows, candidate.flows) or 1)
    )


def _weighted_recall(reference: Grams, candidate: Grams) -> list[tuple[float, float]]:
    """Per order: the reference's n-grams found, and all of them; single tokens weigh 1 if keywords, else 0.2."""
    hits = total = 0.0
    for gram, count in reference.counts[0].items():
        weight = 1.0 if gram[0] in KEYWORDS else 0.2
        hits += min(count, candidate.counts[0][gram]) * weight
        total += count * weight
    pairs = zip(reference.counts[1:], candidate.counts[1:], strict=True)
    higher = [(shared(r, c), max(1, r.total())) for r, c in pairs]
    return [(hits, max(1, total)), *higher]


def _tree_recall(reference: tuple[str, ...], candidate: tuple[str, ...]) -> float:
    present = set(candidate)
    return sum(tree in present for tree in reference) / len(reference)


def flow_recall(reference: tuple[Flow, ...], candidate: tuple[Flow, ...]) -> float:
    """Share of the reference's data-flow edges matched, each candidate edge once; 0 if the reference has none."""
    left = list(candidate)
    matched = 0
    for flow in reference:
        if flow in left:
            matched += 1
            left.remove(flow)
    return matched / len(reference) if reference else 0.0


@lru_cache(maxsize=8_192)
def parts(text: str) -> Parts:
    """A text's parts; tokens are split at white space."""
    text = text.strip()
    code = stripped(text)
    found = trees(code)  # first, since it refuses what the others could not survive
    return Parts(grams(text.split()), found, flows(code))


@lru_cache(maxsize=8_192)
def stripped(code: str) -> str:
    """The code without comments and without strings that stand as statements (docstrings)."""
    source = code.encode("utf-8", "replace")
    kept, position = [], 0
    stack = [syntax_tree(source).root_node]
    while stack:
        node = stack.pop()
        is_docstring = node.type == "expression_statement" and [child.type for child in node.children] == ["string"]
        if node.type == "comment" or is_docstring:
            kept.append(source[position : node.start_byte])
            position = node.end_byte
        else:
            stack.extend(reversed([child for child in node.children if child.child_count or child.type == "comment"]))
    kept.append(source[position:])
    return b"".join(kept).decode("utf-8", "replace") if position else code


@lru_cache(maxsize=8_192)
def trees(code: str) -> tuple[str, ...]:
    """S-expressions of the subtrees with children, the root first.

    Raises:
        TooDeepError: tree-sitter writes them by recursion in C, and a tree of some thousand levels ends the process.
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
