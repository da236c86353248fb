"""A call as a value: which function, which parameter has which argument.

Parsed with tree-sitter, because half of the calls models write are not quite Python and a tree with an error in it is
still a tree.
"""

import ast
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, Literal

from apigauge.harness.extraction import parses
from apigauge.harness.metrics.signatures import Signature
from apigauge.harness.source import resolve

if TYPE_CHECKING:
    from tree_sitter import Node, Parser, Tree

_ASSIGNMENT = re.compile(
    r"""^[ \t]*(\w+)[ \t]*(?::[ \t]*\w+[ \t]*)?=[ \t]*
    ("[^"\\\n]*"|'[^'\\\n]*'|-?\d+(?:\.\d+)?|True|False|None)[ \t]*(?:\#.*)?$""",
    re.MULTILINE | re.VERBOSE,
)

_NOT_CONSTANT = object()


@dataclass(frozen=True, slots=True)
class Value:
    """An argument. ``text`` is a string's content or the source without white space; quoting is gone from both."""

    kind: Literal["constant", "name", "expression"]
    text: str

    def same(self, other: "Value") -> bool:
        """Whether both stand for the same value; an unquoted checkpoint name equals a quoted one."""
        return self.text == other.text


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        written: the callee as it stands in the text.
        function: the callee with imports, aliases and the benchmark's conventions resolved.
        positional: positional arguments in order.
        keywords: keyword arguments.
    """

    written: str
    function: str
    positional: tuple[Value, ...]
    keywords: tuple[tuple[str, Value], ...]

    def bind(self, signature: Signature | None) -> dict[str, Value]:
        """Parameter -> argument; positional arguments without a name are ``#0``, ``#1``, ..."""
        bound = dict(self.keywords)
        names = [name for name in (signature.parameters if signature else ()) if name not in bound]
        for index, value in enumerate(self.positional):
            bound[names[index] if index < len(names) else f"#{index - len(names)}"] = value
        if signature:
            bound = {signature.aliases.get(name, name): value for name, value in bound.items()}
        return bound


@cache
def python_parser() -> "Parser":
    """The tree-sitter parser of the installed Python grammar."""
    import tree_sitter_python
    from tree_sitter import Language, Parser

    return Parser(Language(tree_sitter_python.language()))


@lru_cache(maxsize=16)
def syntax_tree(source: bytes) -> "Tree":
    """The tree of a text; the last few are kept, since several parts of a metric read the same one."""
    return python_parser().parse(source)


def constants(program: str) -> dict[str, Value]:
    """Names that the program assigns exactly once, and assigns a constant."""
    assigned = _parsed_assignments(program)
    if assigned is None:
        assigned = [(name, ast.literal_eval(literal)) for name, literal in _ASSIGNMENT.findall(program)]
    times = Counter(name for name, _ in assigned)
    return {
        name: Value("constant", value if isinstance(value, str) else repr(value))
        for name, value in assigned
        if times[name] == 1 and value is not _NOT_CONSTANT
    }


def _parsed_assignments(program: str) -> list[tuple[str, Any]] | None:
    """Every name a program binds, with its constant; None if Python does not accept the program."""
    if not parses(program):
        return None
    tree = ast.parse(program)
    constant = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
            try:
                constant[node.targets[0]] = ast.literal_eval(node.value)
            except (ValueError, TypeError, RecursionError):
                continue
    stored = (n for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store))
    return [(name.id, constant.get(name, _NOT_CONSTANT)) for name in stored]


def parse_call(text: str, names: dict[str, str], known: Callable[[], dict[str, Value]] = dict) -> Call | None:
    """The call a text begins with.

    Args:
        text: source of one call, as extraction gives it.
        names: what imported names stand for.
        known: gives the constants of the surrounding program; asked only if the call passes a name.

    Returns:
        None if the text holds no complete call of a dotted name.
    """
    source = text.encode("utf-8", "replace")
    node = _first_call(python_parser().parse(source).root_node)
    if node is None:
        return None
    callee, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if callee is None or arguments is None or arguments.type != "argument_list":
        return None
    written = re.sub(r"\s+", "", _text(callee))
    if not re.fullmatch(r"[^\W\d][\w.]*", written):
        return None
    positional, keywords = _arguments(arguments, known)
    return Call(written, resolve(written, names), tuple(positional), tuple(keywords))


def _first_call(root: "Node") -> "Node | None":
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type == "call":
            return node
        stack.extend(reversed(node.named_children))
    return None


def _arguments(node: "Node", known: Callable[[], dict[str, Value]]) -> tuple[list[Value], list[tuple[str, Value]]]:
    positional: list[Value] = []
    keywords: list[tuple[str, Value]] = []
    for child in node.named_children:
        if child.type in ("comment", "ERROR"):
            continue
        name, value = child.child_by_field_name("name"), child.child_by_field_name("value")
        if child.type == "keyword_argument" and name is not None and value is not None:
            keywords.append((_text(name), _value(value, known)))
        else:
            positional.append(_value(child, known))
    return positional, keywords


def _value(node: "Node", known: Callable[[], dict[str, Value]]) -> Value:
    text = _text(node)
    if node.type == "identifier":
        return known().get(text, Value("name", text))
    while node.type == "parenthesized_expression" and node.named_child_count == 1:
        node = node.named_children[0]
        text = _text(node)
    if len(text) < 1_000:
        try:
            literal = ast.literal_eval(text)
        except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
            pass
        else:
            return Value("constant", literal if isinstance(literal, str) else repr(literal))
    return Value("expression", re.sub(r"[\s'\"]+", "", text))


def _text(node: "Node") -> str:
    return (node.text or b"").decode("utf-8", "replace")
