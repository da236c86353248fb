"""Where the values of a program come from: the data-flow part of CodeBLEU.

Guo et al., "GraphCodeBERT: Pre-training Code Representations with Data Flow" (arXiv 2009.08366), section 3; used as a
score by Ren et al. (arXiv 2009.10297), section 3.4. Each occurrence of a variable is a node; its edge names the
occurrences that its value comes from (where it is read) or is computed from (where it is assigned). A program is
followed in the order of its text: after a branch, a name may have its value from any of the ways through it; the body
of a loop is followed twice.

The values are those of ``codebleu`` 0.7.0, observed on the 10,650 released answers, and so are its oddities:

* a name is cut from its line by the column that tree-sitter counts in bytes, so after a letter of two bytes the names
  in the line are shifted;
* a loop's ``else`` and the parts of ``try`` are followed like any other statements;
* a program with a statement that cannot be followed has no data flow at all.
"""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple

from apigauge.harness.extraction.syntax import MAX_DEPTH

if TYPE_CHECKING:
    from tree_sitter import Node

COMES_FROM = "comesFrom"
COMPUTED_FROM = "computedFrom"

# A normalised edge: variable, kind, the variables its value comes from.
Flow = tuple[str, str, list[str]]
# For each name, the occurrences that its value may come from, by their place among the program's tokens.
_Reaching = dict[str, list[int]]

_ASSIGNMENTS = frozenset({"assignment", "augmented_assignment", "for_in_clause"})
_BRANCHES = frozenset({"elif_clause", "else_clause"})
# What may have a ``for_in_clause``; a broken program may have it anywhere in what could not be parsed.
_COMPREHENSIONS = frozenset(
    {"ERROR", "dictionary_comprehension", "generator_expression", "list_comprehension", "set_comprehension"}
)
_PLACE = attrgetter("place")
_WHOLE = frozenset({"string"})
_ROUNDS = 2


class _Edge(NamedTuple):
    name: str
    place: int
    kind: str
    sources: tuple[str, ...]
    places: tuple[int, ...]


def data_flow(root: "Node", code: str) -> tuple[Flow, ...]:
    """The edges of a program in the order of its text, variables numbered in order of their appearance.

    Args:
        root: of the tree of ``code``, at most ``MAX_DEPTH`` levels deep.
        code: the program. The time doubles with each loop in a loop.
    """
    try:
        with _deeper_recursion():
            edges, _ = _Reader(root, code).follow(root, {})
    except LookupError:
        return ()
    return _normalised(_merged(_connected(sorted(edges, key=_PLACE))))


@contextlib.contextmanager
def _deeper_recursion() -> Iterator[None]:
    """Raises the recursion limit, so that no value depends on how deep the caller's stack is."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(limit + 4 * MAX_DEPTH)
    try:
        yield
    finally:
        sys.setrecursionlimit(limit)


def _connected(edges: list[_Edge]) -> list[_Edge]:
    """The edges between occurrences; an occurrence without any is left out."""
    places = {place for edge in edges if edge.places for place in (edge.place, *edge.places)}
    return [edge for edge in edges if edge.place in places]


def _merged(edges: Iterable[_Edge]) -> list[_Edge]:
    """One edge for each occurrence: the last kind, the sources of all."""
    merged: dict[int, _Edge] = {}
    for edge in edges:
        if earlier := merged.get(edge.place):
            sources = tuple(dict.fromkeys((*earlier.sources, *edge.sources)))
            places = tuple(dict.fromkeys((*earlier.places, *edge.places)))
            merged[edge.place] = _Edge(edge.name, edge.place, edge.kind, sources, places)
        else:
            merged[edge.place] = edge
    return list(merged.values())


def _normalised(edges: Iterable[_Edge]) -> tuple[Flow, ...]:
    numbers: dict[str, str] = {}

    def variable(name: str) -> str:
        return numbers.setdefault(name, f"var_{len(numbers)}")

    flows = []
    for edge in edges:
        sources = [variable(name) for name in edge.sources]  # numbered before the variable they define
        flows.append((variable(edge.name), edge.kind, sources))
    return tuple(flows)


def _is_token(node: "Node") -> bool:
    return (not node.child_count or node.type in _WHOLE) and node.type != "comment"


class _Reader:
    """One program's tokens, and the walk through its statements."""

    def __init__(self, root: "Node", code: str) -> None:
        self._lines = code.split("\n")
        # By start and end, as in the package: of several empty tokens at one point the last one counts.
        self._tokens: dict[tuple[int, int], tuple[int, str]] = {}
        for place, node in enumerate(self._tokens_of(root)):
            self._tokens[node.start_byte, node.end_byte] = place, self._text(node)

    def _tokens_of(self, root: "Node") -> "list[Node]":
        tokens, stack = [], [root]
        while stack:
            node = stack.pop()
            if _is_token(node):
                tokens.append(node)
            else:
                stack += node.children[::-1]
        return tokens

    def _text(self, node: "Node") -> str:
        (row, column), (end_row, end_column) = node.start_point, node.end_point
        if row == end_row:
            return self._lines[row][column:end_column]
        return "".join((self._lines[row][column:], *self._lines[row + 1 : end_row], self._lines[end_row][:end_column]))

    def follow(self, node: "Node", reaching: _Reaching) -> tuple[list[_Edge], _Reaching]:
        """The edges in a node, and where each name's value comes from after it."""
        kind = node.type  # the tree makes a new string each time
        if kind != "comment" and (kind in _WHOLE or not node.child_count):
            return self._occurrence(node, reaching)
        if kind == "default_parameter":
            return self._default(node, reaching)
        if kind in _ASSIGNMENTS:
            return self._assignment(node, reaching)
        if kind == "if_statement":
            return self._branches(node, reaching)
        if kind == "for_statement":
            return self._for(node, reaching)
        children = node.children
        if kind == "while_statement":
            return self._loop(children, reaching)
        if kind in _COMPREHENSIONS:  # its clauses bind what its value reads
            children = sorted(children, key=lambda child: child.type != "for_in_clause")
        return self._each(children, reaching)

    def _each(self, nodes: "Iterable[Node]", reaching: _Reaching) -> tuple[list[_Edge], _Reaching]:
        edges: list[_Edge] = []
        is_sorted = True
        for node in nodes:
            more, reaching = self.follow(node, reaching)
            if more and edges and more[0].place < edges[-1].place:
                is_sorted = False
            edges += more
        return edges if is_sorted else sorted(edges, key=_PLACE), reaching

    def _occurrence(self, node: "Node", reaching: _Reaching) -> tuple[list[_Edge], _Reaching]:
        place, name = self._tokens[node.start_byte, node.end_byte]
        if node.type == name:  # a keyword or a sign
            return [], reaching
        if name in reaching:
            return [_Edge(name, place, COMES_FROM, (name,), tuple(reaching[name]))], reaching
        if node.type == "identifier":
            reaching = reaching | {name: [place]}
        return [_Edge(name, place, COMES_FROM, (), ())], reaching

    def _names(self, node: "Node") -> list[tuple[int, str]]:
        """The tokens in a node that are neither keywords nor signs."""
        tokens = ((one, self._tokens[one.start_byte, one.end_byte]) for one in self._tokens_of(node))
        return [token for one, token in tokens if one.type != token[1]]

    def _default(self, node: "Node", reaching: _Reaching) -> tuple[list[_Edge], _Reaching]:
        name, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if name is None:
            raise LookupError("a parameter without a name")
        edges: list[_Edge] = []
        if value is not None:
            edges, reaching = self.follow(value, reaching)
        bound, reaching = self._bind(name, value, reaching, COMES_FROM)
        bound = [edge._replace(sources=tuple(dict.fromkeys(edge.sources))) for edge in bound]
        return sorted((*edges, *bound), key=_PLACE), reaching

    def _assignment(self, node: "Node", reaching: _Reaching) -> tuple[list[_Edge], _Reaching]:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if node.type == "for_in_clause" and left is not None:
            return self._assign([left], [node.children[-1]], reaching)
        if left is None or right is None:
            return [], reaching
        return self._assign(*_sides(left, right), reaching)

    def _assign(self, lefts: "list[Node]", rights: "list[Node]", reaching: _Reaching) -> tuple[list[_Edge], _Reaching]:
        edges: list[_Edge] = []
        for one in rights:
            more, reaching = self.follow(one, reaching)
            edges += more
        for target, value in zip(lefts, rights, strict=True):
            more, reaching = self._bind(target, value, reaching, COMPUTED_FROM)
            edges += more
        return sorted(edges, key=_PLACE), reaching

    def _bind(
        self, target: "Node", value: "Node | None", reaching: _Reaching, kind: str
    ) -> tuple[list[_Edge], _Reaching]:
        """The edges of an assignment: from each name of the target to all names of the value."""
        sources = self._names(value) if value is not None else []
        places = tuple(place for place, _ in sources)
        edges, reaching = [], dict(reaching)
        for place, name in self._names(target):
            edges.append(_Edge(name, place, kind, tuple(source for _, source in sources), places))
            reaching[name] = [place]
        return edges, reaching

    def _branches(self, node: "Node", reaching: _Reaching) -> tuple[list[_Edge], _Reaching]:
        edges: list[_Edge] = []
        current, ends = dict(reaching), []
        has_else = False
        for child in node.children:
            has_else = has_else or "else" in child.type
            if child.type in _BRANCHES:
                more, end = self.follow(child, dict(reaching))
                ends.append(end)
            else:
                more, current = self.follow(child, current)
            edges += more
        ends.append(current)
        if not has_else:
            ends.append(reaching)
        after: _Reaching = {}
        for end in ends:
            for name, places in end.items():
                after[name] = sorted({*after.get(name, ()), *places})
        return sorted(edges, key=_PLACE), after

    def _for(self, node: "Node", reaching: _Reaching) -> tuple[list[_Edge], _Reaching]:
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is None or right is None:
            raise LookupError("a loop over nothing")
        edges: list[_Edge] = []
        for _ in range(_ROUNDS):
            more, reaching = self._assign(*_sides(left, right), reaching)
            edges += more
            if node.children[-1].type == "block":
                more, reaching = self.follow(node.children[-1], reaching)
                edges += more
        return _unique(edges), reaching

    def _loop(self, nodes: "list[Node]", reaching: _Reaching) -> tuple[list[_Edge], _Reaching]:
        edges: list[_Edge] = []
        for _ in range(_ROUNDS):
            for node in nodes:
                more, reaching = self.follow(node, reaching)
                edges += more
        return _unique(edges), reaching


def _sides(left: "Node", right: "Node") -> "tuple[list[Node], list[Node]]":
    """Targets and their values: the children of both sides if they are equally many, else each side as a whole."""
    lefts = [child for child in left.children if child.type != ","]
    rights = [child for child in right.children if child.type != ","]
    if len(lefts) != len(rights):
        return [left], [right]
    return lefts or [left], rights or [right]


def _unique(edges: Iterable[_Edge]) -> list[_Edge]:
    """A loop's edges, equal ones merged with the sources of all."""
    merged: dict[tuple[str, int, str], _Edge] = {}
    for edge in edges:
        key = edge.name, edge.place, edge.kind
        earlier = merged.get(key, edge)
        sources = tuple(dict.fromkeys((*earlier.sources, *edge.sources)))
        merged[key] = edge._replace(sources=sources, places=tuple(sorted({*earlier.places, *edge.places})))
    return sorted(merged.values(), key=_PLACE)
