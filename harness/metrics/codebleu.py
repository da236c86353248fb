"""``codebleu``: the ``codebleu`` package's score of the program, to 1e-12.

Ren et al., "CodeBLEU: a Method for Automatic Evaluation of Code Synthesis" (arXiv 2009.10297), as packaged in
``codebleu`` 0.7.0, its faults included: the empty string scores 0.25, and identical one-liners below 1 (see
``codebleu.corrected`` for what each fault is). Comment stripping and data flow are the package's own functions; the
rest is counted here, and a text's parts are kept, where the package computes a reference's again for every answer.

The package's data flow goes through ``list(set(...))`` of strings, so about three of a thousand released answers score
differently from one Python process to the next, by up to 0.015. Here those sets keep their order: the value is the
package's wherever the package has one, and one of the package's values, always the same, where it has several.
"""

from collections.abc import Callable, Iterable
from functools import cache, lru_cache
from importlib.metadata import version as installed
from types import FunctionType
from typing import Any, NamedTuple

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.extraction import Extraction
from apigauge.harness.metrics import Metric, Scored
from apigauge.harness.metrics.calls import syntax_tree
from apigauge.harness.metrics.ngrams import Grams, bleu, grams, precision, shared

# The package takes the length of the pair (tokens, weights) for the reference's length in its weighted part.
_PAIR = 2
# Levels of a syntax tree; the deepest of a released answer has under a hundred.
MAX_DEPTH = 400
# Loops in loops: the package's data flow takes twice the time for each.
MAX_LOOPS = 8

Flow = tuple[str, str, list[str]]


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
    """The package whose numbers these are, and the grammar it parses with."""
    return f"codebleu {installed('codebleu')}, tree-sitter-python {installed('tree-sitter-python')}"


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
        weight = 1.0 if gram[0] in keywords() else 0.2
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
    """The code without comments and docstrings; unchanged where it cannot be read."""
    from codebleu.parser import remove_comments_and_docstrings

    try:
        return str(remove_comments_and_docstrings(code, "python"))
    except Exception:  # noqa: BLE001 - the package's own contract: any failure leaves the text as it is
        return code


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
    from codebleu import dataflow_match

    get_data_flow, of_python = _data_flow_functions()
    return tuple(dataflow_match.normalize_dataflow(get_data_flow(code, [_KeptTrees, of_python])))


class _KeptTrees:
    """What the package takes for a parser."""

    parse = staticmethod(syntax_tree)


@cache
def _data_flow_functions() -> tuple[Callable[..., Any], Callable[..., Any]]:
    from codebleu.dataflow_match import get_data_flow
    from codebleu.parser import DFG_python

    return _with_ordered_sets(get_data_flow), _with_ordered_sets(DFG_python)


def _with_ordered_sets(function: Any) -> Callable[..., Any]:
    """A copy of a function in which ``set`` keeps the order of its members; the package itself is left alone."""
    namespace = dict(function.__globals__)
    copy = FunctionType(function.__code__, namespace, function.__name__, function.__defaults__)
    namespace |= {function.__name__: copy, "set": OrderedSet}
    return copy


class OrderedSet(dict[Any, None]):
    """As much of a set as the package uses."""

    def __init__(self, members: Iterable[Any] = ()) -> None:
        super().__init__(dict.fromkeys(members))

    def add(self, member: object) -> None:
        """Adds a member at the end, unless it is there."""
        self[member] = None


@cache
def keywords() -> frozenset[str]:
    """The package's list of Python keywords."""
    from codebleu.codebleu import PACKAGE_DIR

    lines = (PACKAGE_DIR / "keywords" / "python.txt").read_text(encoding="utf-8").split("\n")
    return frozenset(line.strip() for line in lines)
