"""``ast.gorilla`` and ``hallucination.gorilla``: the upstream APIBench scorer, answer for answer.

Source: gorilla/eval/eval-scripts/ast_eval_{hf,tf,th}.py at the commit in benchmarks/apibench/sources.json. Its faults
are kept on purpose: "correct" means that the first catalogue row whose arguments occur somewhere in a node of the
answer has the reference's *domain*; where no node bears the row's name, the last node visited stands in. Read
``ast.exact`` for what it was meant to be.

On prose, the verdict hangs on how the parser recovers from errors, and that differs between grammars and between
versions of tree-sitter. With upstream's own grammar (``apigauge benchmarks grammar``) all but two of the upstream
scorer's 10,650 verdicts on released answers are reproduced; of those two, one is a hallucination for upstream alone and
one for us. Without it the pinned grammar stands in, with its string nodes given their old shape: 29 rows differ, 15 of
them in ``ast.gorilla``, none on Torch Hub. ``version()`` says which grammar was used, so that the gate refuses to
compare one with the other.
"""

import ctypes
from functools import cache
from importlib.metadata import version as installed
from typing import TYPE_CHECKING, NamedTuple

from apigauge.benchmarks.apibench import grammar
from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.extraction.extract import MAX_TEXT, Extraction
from apigauge.harness.extraction.syntax import python_parser
from apigauge.harness.metrics.types import Metric, Scored

if TYPE_CHECKING:
    from tree_sitter import Node, Parser


class Row(NamedTuple):
    """A catalogue row as the upstream scorer sees it: its number, name, arguments and domain."""

    number: int
    name: str
    arguments: tuple[str, ...]
    domain: str


class Verdict(NamedTuple):
    """``correct``, ``wrong`` or ``hallucination``, and the catalogue row matched (-1 for none)."""

    verdict: str
    api_index: int


def make(benchmark: Benchmark) -> Metric:
    """The metric for one benchmark; the verdict is the label."""
    rows = catalogue_rows(benchmark)

    def metric(item: Item, extraction: Extraction) -> Scored:
        if len(extraction.text) > MAX_TEXT:
            return Scored({"ast.gorilla": 0.0, "hallucination.gorilla": 0.0}, {"ast.gorilla": "too_long"})
        found = judge(benchmark.gorilla_dialect, rows, extraction.text, item.domain)
        matched = benchmark.catalogue[found.api_index].call if found.api_index >= 0 else "no catalogue row"
        return Scored(
            {
                "ast.gorilla": float(found.verdict == "correct"),
                "hallucination.gorilla": float(found.verdict == "hallucination"),
            },
            {"ast.gorilla": found.verdict},
            {"ast.gorilla": f"row {found.api_index}: {matched}"},
        )

    return metric


def version() -> str:
    """The parser and the grammar that it used."""
    frozen, pinned = f"{grammar.PACKAGE} {grammar.VERSION}", f"tree-sitter-python {installed('tree-sitter-python')}"
    used = frozen if _frozen_parser() else f"{pinned}, strings in the old shape"
    return f"tree-sitter {installed('tree-sitter')}, {used}"


def judge(hub: str, rows: list[Row], text: str, domain: str) -> Verdict:
    """The upstream verdict on one answer."""
    source = call_text(hub, text)
    if source is None:
        return Verdict("wrong", -1)
    found, last = _visited(source, frozenset(row.name for row in rows))
    for row in rows:
        node_text = found.get(row.name, last)
        for argument in row.arguments:  # spelled out: this is run a thousand times per answer
            if argument not in node_text:
                break
        else:
            return Verdict("correct" if row.domain == domain else "wrong", row.number)
    return Verdict("hallucination", -1)


def call_text(hub: str, text: str) -> str | None:
    """The part of an answer that upstream parses; None where its Torch Hub copy gives up."""
    before, marker, after = text.partition("api_call")
    if not marker:
        return None if hub == "torchhub" else before
    # str.split, not partition, upstream: a second "api_call" ends the part as well.
    section = after.split("api_call", 1)[0].split("api_provider", 1)[0]
    start = max(section.find(":"), 0)
    end = section.rfind(")")
    return section[start + 2 : end + 1 if end >= 0 else -1]


def catalogue_rows(benchmark: Benchmark) -> list[Row]:
    """The catalogue's usable rows, in order; rows whose first node has no children are skipped, as upstream does."""
    rows = []
    for index, api in enumerate(benchmark.catalogue):
        source = api.call.encode()
        root = _parse(source)
        call = _children(_children(root)[0])[0] if _children(root) and _children(_children(root)[0]) else None
        if call is None or len(_children(call)) < 2:
            continue
        arguments = tuple(text.strip("'") for text in _row_arguments(benchmark.gorilla_dialect, _children(call)[1]))
        if arguments:
            rows.append(Row(index, _text(_children(call)[0]), arguments, api.domain))
    return rows


def _row_arguments(hub: str, node: "Node") -> list[str]:
    arguments = []
    for child in _children(node):
        text = _text(child)
        named = {
            "huggingface": "=" in text,
            "tensorflowhub": "model=" in text or "model =" in text,
            "torchhub": "repo_or_dir" in text or "model" in text,
        }[hub]
        if named and len(_children(child)) > 2:
            arguments.append(_text(_children(child)[2]))
        elif hub != "torchhub" and child.type not in ("(", ")", ","):
            arguments.append(text)
    return arguments


def _visited(source: str, names: frozenset[str]) -> tuple[dict[str, str], str]:
    """For each name the text of the first visited node whose first child bears it, and the last visited node's text."""
    longest = max((len(name.encode()) for name in names), default=0)
    stack = [_parse(source.encode("utf-8", "surrogatepass"))]
    first: dict[str, Node] = {}
    node = stack[0]
    while stack:
        node = stack.pop()
        children = _children(node)
        # Asking every node for its text would copy the answer once a level.
        short = children and children[0].end_byte - children[0].start_byte <= longest
        if short and (name := _text(children[0])) in names:
            first.setdefault(name, node)
        stack.extend(child for child in children if child.child_count)
    return {name: _text(found) for name, found in first.items()}, _text(node)


def _children(node: "Node") -> "list[Node]":
    """A node's children; a string's content is replaced by what stands in it, as in the grammar upstream had."""
    children = node.children
    if node.type != "string" or all(child.type != "string_content" for child in children):
        return children
    flat = []
    for child in children:
        flat += child.children if child.type == "string_content" else [child]
    return flat


def _parse(source: bytes) -> "Node":
    return (_frozen_parser() or python_parser()).parse(source).root_node


def _text(node: "Node") -> str:
    return (node.text or b"").decode("utf-8", "replace")


@cache
def _frozen_parser() -> "Parser | None":
    """A parser of the grammar upstream's verdicts were made with, or None where it is not on this machine.

    The package's own Python interface needs an older tree-sitter; its library is loaded directly.
    """
    from tree_sitter import Language, Parser

    library = grammar.find()
    if library is None:
        return None
    function = ctypes.CDLL(str(library)).tree_sitter_python
    function.restype = ctypes.c_void_p
    capsule = ctypes.pythonapi.PyCapsule_New
    capsule.restype, capsule.argtypes = ctypes.py_object, (ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
    return Parser(Language(capsule(function(), b"tree_sitter.Language", None)))
