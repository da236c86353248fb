"""``codebleu.corrected``: CodeBLEU (arXiv 2009.10297) without the packaged version's faults.

It deviates from the ``codebleu`` 0.7.0 package in these points only:

1. Tokens are the language's, a string being one token whatever its quotes. Split at white space, ``load('a','b')`` is a
   single token, and only an identical call has anything in common with it.
2. N-grams go up to the length of the reference where that is under four. The package smooths the missing orders, so
   identical short programs score below 1.
3. The keyword-weighted part is a precision, as the paper has it; the package computes a recall, and its brevity penalty
   takes every reference to be two tokens long.
4. A subtree of the candidate is matched once (the paper's clipped count). In the package one subtree of the candidate
   matches every equal one in the reference.
5. A data-flow score of zero stays zero; the package turns it into one, which gives the empty string 0.25. A reference
   without data flow has no such part, and the other three have equal weights.
6. An argument passed by the name of the parameter that its position would bind it to is read as positional. Otherwise a
   right call in the other style ranks below a wrong call in the same style.
7. An empty candidate scores 0.
"""

import math
import re
from collections import Counter
from functools import lru_cache
from typing import TYPE_CHECKING

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.extraction.extract import Extraction
from apigauge.harness.extraction.syntax import syntax_tree, text_of, version
from apigauge.harness.metrics.calls import signature_of
from apigauge.harness.metrics.codebleu import (
    KEYWORDS,
    ORDERS,
    Grams,
    Parts,
    TooDeepError,
    bleu,
    flow_recall,
    flows,
    grams,
    precision,
    stripped,
    trees,
)
from apigauge.harness.metrics.types import Metric, Scored

__all__ = ["corrected", "make", "parts", "positional", "tokens", "version"]

if TYPE_CHECKING:
    from tree_sitter import Node

# No name in the table of signatures is as long, however it is broken over lines.
_CALLEE_BYTES = 1_000

_QUOTES = re.compile(r"^[A-Za-z]*['\"]+|['\"]+$")


def make(_benchmark: Benchmark) -> Metric:
    """The metric; it does not depend on the benchmark."""

    def metric(item: Item, extraction: Extraction) -> Scored:
        try:
            reference = parts(item.reference_program or item.reference_call)
            return Scored({"codebleu.corrected": corrected(reference, parts(extraction.program or ""))})
        except TooDeepError:
            return Scored({"codebleu.corrected": 0.0}, {"codebleu.corrected": "too_deep"})

    return metric


def corrected(reference: Parts, candidate: Parts) -> float:
    """The mean over the parts that the reference has."""
    if not candidate.grams.length or not reference.grams.length:
        return 0.0
    lengths = reference.grams.length, candidate.grams.length
    orders = min(ORDERS, reference.grams.length)
    matches = precision(reference.grams, candidate.grams)
    scores = [
        bleu(matches[:orders], *lengths),
        bleu([_weighted_precision(reference.grams, candidate.grams), *matches[1:orders]], *lengths),
        (Counter(reference.trees) & Counter(candidate.trees)).total() / len(reference.trees),
    ]
    if reference.flows:
        scores.append(flow_recall(reference.flows, candidate.flows))
    return math.fsum(scores) / len(scores)


def _weighted_precision(reference: Grams, candidate: Grams) -> tuple[float, float]:
    """Of single tokens."""
    hits = total = 0.0
    for gram, count in candidate.counts[0].items():
        weight = 1.0 if gram[0] in KEYWORDS else 0.2
        hits += min(count, reference.counts[0][gram]) * weight
        total += count * weight
    return hits, total


@lru_cache(maxsize=8_192)
def parts(text: str) -> Parts:
    """A text's parts, arguments in their positional form."""
    code = positional(stripped(text.strip()))
    subtrees = trees(code)  # first: it refuses the texts on which the others would exhaust the stack
    return Parts(grams(tokens(code)), subtrees, flows(code))


def tokens(code: str) -> list[str]:
    """The language's tokens; a string is one token, without prefix and quotes."""
    texts = []
    stack = [syntax_tree(code.encode("utf-8", "replace")).root_node]
    while stack:
        node = stack.pop()
        if node.type == "string":
            texts.append("string:" + _QUOTES.sub("", text_of(node)))
        elif node.child_count:
            stack.extend(reversed(node.children))
        elif text := text_of(node).strip():
            texts.append(text)
    return texts


def positional(code: str) -> str:
    """The code without ``name=`` before arguments that are at the position of the parameter they name."""
    source = code.encode("utf-8", "replace")
    cuts: list[tuple[int, int]] = []
    stack = [syntax_tree(source).root_node]
    while stack:
        node = stack.pop()
        stack.extend(child for child in node.children if child.child_count)
        if node.type == "call":
            cuts += _names_at_their_position(node, source)
    for start, end in sorted(cuts, reverse=True):
        source = source[:start] + source[end:]
    return source.decode("utf-8", "replace")


def _end_of(callee: "Node", source: bytes) -> str:
    """The end of a callee, which names the function. Each callee of ``f()()()`` is as long as all before it."""
    return source[max(callee.start_byte, callee.end_byte - _CALLEE_BYTES) : callee.end_byte].decode("utf-8", "replace")


def _names_at_their_position(call: "Node", source: bytes) -> list[tuple[int, int]]:
    callee, arguments = call.child_by_field_name("function"), call.child_by_field_name("arguments")
    signature = signature_of(re.sub(r"\s+", "", _end_of(callee, source))) if callee is not None else None
    if signature is None or arguments is None:
        return []
    cuts = []
    for parameter, argument in zip(signature.parameters, arguments.named_children, strict=False):
        name, value = argument.child_by_field_name("name"), argument.child_by_field_name("value")
        if argument.type != "keyword_argument":
            continue
        if name is None or value is None or text_of(name) != parameter:
            break
        cuts.append((name.start_byte, value.start_byte))
    return cuts
