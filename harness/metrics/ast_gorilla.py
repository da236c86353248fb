"""``ast.gorilla`` and ``hallucination.gorilla``: the upstream APIBench scorer, answer for answer.

Source: gorilla/eval/eval-scripts/ast_eval_{hf,tf,th}.py at the commit in benchmarks/apibench/sources.json. Its faults
are kept on purpose: "correct" means that the first catalogue row whose arguments occur somewhere in a node of the
answer has the reference's *domain*; where no node bears the row's name, the last node visited is used. ``ast.exact``
is what it was meant to be.

On prose, the verdict depends on how the parser recovers from errors, and that differs between grammars and between
versions of tree-sitter. With upstream's grammar (``apigauge benchmarks grammar``) all but two of the upstream scorer's
10,650 verdicts on released answers are reproduced; of those two, one is a hallucination only for upstream and one only
here. Without it the pinned grammar is used, with its string nodes in their old shape: 29 rows differ, 15 of them in
``ast.gorilla``, none on Torch Hub. ``version()`` names the grammar, so that the gate refuses to compare runs made with
different ones.
"""

import ctypes
from functools import cache
from importlib.metadata import version as installed
from typing import TYPE_CHECKING, NamedTuple

from apigauge.benchmarks.apibench import grammar
from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.extraction.extract import MAX_TEXT, Extraction
from apigauge.harness.extraction.syntax import python_parser, text_of
from apigauge.harness.metrics.types import Metric, Scored

if TYPE_CHECKING:
    from tree_sitter import Node, Parser


class Row(NamedTuple):
    """A catalogue row as the upstream scorer sees it: its number, name, arguments and domain."""

    number: int
    name: str
    arguments: tuple[str, ...]
    domain: str


class UpstreamCatalogue(NamedTuple):
    """The usable rows in order, each behind its longest argument and its name; their names; the longest one's bytes."""

    rows: tuple[tuple[str, str, Row], ...]
    names: frozenset[bytes]
    longest_name: int


class Verdict(NamedTuple):
    """``correct``, ``wrong`` or ``hallucination``, and the catalogue row matched (-1 for none)."""

    verdict: str
    api_index: int


def make(benchmark: Benchmark) -> Metric:
    """The metric for one benchmark; the verdict is the label."""
    catalogue = read_catalogue(benchmark)

    def metric(item: Item, extraction: Extraction) -> Scored:
        if len(extraction.text) > MAX_TEXT:
            return Scored({"ast.gorilla": 0.0, "hallucination.gorilla": 0.0}, {"ast.gorilla": "too_long"})
        verdict, row = judge(benchmark.gorilla_dialect, catalogue, extraction.text, item.domain)
        matched = benchmark.catalogue[row].call if row >= 0 else "no catalogue row"
        return Scored(
            {
                "ast.gorilla": float(verdict == "correct"),
                "hallucination.gorilla": float(verdict == "hallucination"),
            },
            {"ast.gorilla": verdict},
            {"ast.gorilla": f"row {row}: {matched}"},
        )

    return metric


def version() -> str:
    """The parser and its grammar."""
    upstream, pinned = f"{grammar.PACKAGE} {grammar.VERSION}", f"tree-sitter-python {installed('tree-sitter-python')}"
    used = upstream if upstream_parser() else f"{pinned}, strings in the old shape"
    return f"tree-sitter {installed('tree-sitter')}, {used}"


def judge(hub: str, catalogue: UpstreamCatalogue, text: str, domain: str) -> Verdict:
    """The upstream verdict on one answer."""
    source = call_text(hub, text)
    if source is None:
        return Verdict("wrong", -1)
    texts, last = _node_texts(source, catalogue)
    text_of_name = texts.get
    for longest, name, row in catalogue.rows:  # a thousand for each answer, and hardly ever is the longest there
        if longest in text_of_name(name, last) and all(one in text_of_name(name, last) for one in row.arguments):
            return Verdict("correct" if row.domain == domain else "wrong", row.number)
    return Verdict("hallucination", -1)


def call_text(hub: str, text: str) -> str | None:
    """The part of an answer that upstream parses; None where its Torch Hub scorer gives up."""
    before, marker, after = text.partition("api_call")
    if not marker:
        return None if hub == "torchhub" else before
    # str.split, not partition, upstream: a second "api_call" ends the part as well.
    section = after.split("api_call", 1)[0].split("api_provider", 1)[0]
    start = max(section.find(":"), 0)
    end = section.rfind(")")
    return section[start + 2 : end + 1 if end >= 0 else -1]


def read_catalogue(benchmark: Benchmark) -> UpstreamCatalogue:
    """The catalogue as upstream reads it; rows whose first node has no children are skipped there too."""
    rows = []
    for index, api in enumerate(benchmark.catalogue):
        source = api.call.encode()
        root = _parse(source)
        call = _children(_children(root)[0])[0] if _children(root) and _children(_children(root)[0]) else None
        if call is None or len(_children(call)) < 2:
            continue
        arguments = tuple(text.strip("'") for text in _row_arguments(benchmark.gorilla_dialect, _children(call)[1]))
        if arguments:
            rows.append(Row(index, text_of(_children(call)[0]), arguments, api.domain))
    names = frozenset(row.name.encode() for row in rows)
    by_argument = tuple((max(row.arguments, key=len), row.name, row) for row in rows)
    return UpstreamCatalogue(by_argument, names, max(map(len, names), default=0))


def _row_arguments(hub: str, node: "Node") -> list[str]:
    arguments = []
    for child in _children(node):
        text = text_of(child)
        is_argument = {
            "huggingface": "=" in text,
            "tensorflowhub": "model=" in text or "model =" in text,
            "torchhub": "repo_or_dir" in text or "model" in text,
        }[hub]
        if is_argument and len(_children(child)) > 2:
            arguments.append(text_of(_children(child)[2]))
        elif hub != "torchhub" and child.type not in ("(", ")", ","):
            arguments.append(text)
    return arguments


def _node_texts(source: str, catalogue: UpstreamCatalogue) -> tuple[dict[str, str], str]:
    """For each name the text of the first visited node whose first child bears it, and the last visited node's text."""
    stack = [_parse(source.encode("utf-8", "surrogatepass"))]
    first: dict[bytes, Node] = {}
    node = stack[0]
    while stack:
        node = stack.pop()
        children = _children(node) if node.type == "string" else node.children
        # Reading every node's text would copy the answer once for each level of the tree.
        is_short = children and children[0].end_byte - children[0].start_byte <= catalogue.longest_name
        if is_short and (name := children[0].text) in catalogue.names:
            first.setdefault(name, node)
        stack += [child for child in children if child.child_count]
    return {name.decode(): text_of(visited) for name, visited in first.items()}, text_of(node)


def _children(node: "Node") -> "list[Node]":
    """A node's children; a string's content is replaced by its own children, as in upstream's grammar."""
    children = node.children
    if node.type != "string" or all(child.type != "string_content" for child in children):
        return children
    flat = []
    for child in children:
        flat += child.children if child.type == "string_content" else [child]
    return flat


def _parse(source: bytes) -> "Node":
    return (upstream_parser() or python_parser()).parse(source).root_node


@cache
def upstream_parser() -> "Parser | None":
    """A parser of the grammar that upstream's verdicts were made with, or None if it is not on this machine.

    The package's Python interface needs an older tree-sitter, so its library is loaded directly.
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
