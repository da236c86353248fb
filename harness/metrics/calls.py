"""A call as a value: which function, which parameter has which argument.

Parsed with tree-sitter, because half of the calls models write are not quite Python and a tree with an error in it is
still a tree.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from apigauge.harness.extraction.call_scan import resolve
from apigauge.harness.extraction.syntax import syntax_tree, text_of
from apigauge.harness.metrics.constants import Constant, constant_of, is_constant
from apigauge.harness.metrics.signatures import Signature

if TYPE_CHECKING:
    from tree_sitter import Node

Known = Callable[[], "dict[str, Constant]"]


@dataclass(frozen=True, slots=True)
class Value:
    """An argument.

    ``text`` is a string's content, or the source without white space; ``kind`` keeps ``'True'`` apart from ``True``.
    """

    kind: Literal["string", "constant", "name", "expression"]
    text: str

    def accepts(self, other: "Value") -> bool:
        """Whether an answer's value is this reference's; a reference may have forgotten the quotes, an answer not."""
        if self.kind == other.kind:
            return self.text == other.text
        return self.kind in ("name", "expression") and other.kind == "string" and self.text == other.text


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        written: the callee as it stands in the text.
        function: the callee with imports, aliases and the benchmark's conventions resolved.
        positional: positional arguments in order.
        keywords: keyword arguments.
        problem: why Python would not accept the arguments; empty if it would.
    """

    written: str
    function: str
    positional: tuple[Value, ...]
    keywords: tuple[tuple[str, Value], ...]
    problem: str = ""

    def bind(self, signature: Signature | None) -> dict[str, Value]:
        """Parameter -> argument; positional arguments without a name are ``#0``, ``#1``, ...

        Where a parameter is given twice the first value counts; :meth:`conflict` tells.
        """
        bound: dict[str, Value] = {}
        for name, value in self._named(signature):
            bound.setdefault(name, value)
        return bound

    def conflict(self, signature: Signature | None) -> str:
        """Why Python would refuse the call: empty, or what is wrong with its arguments."""
        names = [name for name, _ in self._named(signature)]
        twice = sorted({name for name in names if names.count(name) > 1})
        return self.problem or (f"gives {', '.join(twice)} twice" if twice else "")

    def _named(self, signature: Signature | None) -> list[tuple[str, Value]]:
        parameters = signature.parameters if signature else ()
        aliases = signature.aliases if signature else {}
        named = [
            (parameters[index] if index < len(parameters) else f"#{index - len(parameters)}", value)
            for index, value in enumerate(self.positional)
        ]
        return named + [(aliases.get(name, name), value) for name, value in self.keywords]


def parse_call(text: str, names: dict[str, str], known: Known = dict) -> Call | None:
    """The call a text begins with.

    Args:
        text: source of one call, as extraction gives it.
        names: what imported names stand for.
        known: gives the constants of the surrounding program; asked only if the call passes a name.

    Returns:
        None if the text holds no complete call of a dotted name.
    """
    source = text.encode("utf-8", "replace")
    node = _first_call(syntax_tree(source).root_node)
    if node is None:
        return None
    callee, arguments = node.child_by_field_name("function"), node.child_by_field_name("arguments")
    if callee is None or arguments is None or arguments.type != "argument_list":
        return None
    written = re.sub(r"\s+", "", text_of(callee))
    if not re.fullmatch(r"[^\W\d][\w.]*", written):
        return None
    return Call(written, resolve(written, names), *_arguments(arguments, known))


def _first_call(root: "Node") -> "Node | None":
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type == "call":
            return node
        stack.extend(reversed(node.named_children))
    return None


def _arguments(node: "Node", known: Known) -> tuple[tuple[Value, ...], tuple[tuple[str, Value], ...], str]:
    positional: list[Value] = []
    keywords: list[tuple[str, Value]] = []
    problem = ""
    for child in node.named_children:
        name, value = child.child_by_field_name("name"), child.child_by_field_name("value")
        if child.type in ("comment", "ERROR"):
            continue
        if child.type == "keyword_argument" and name is not None and value is not None:
            keywords.append((text_of(name), _value(value, known)))
        elif child.type in ("list_splat", "dictionary_splat"):
            keywords.append((f"{text_of(child)[:2]}{len(keywords)}", _value(child, known)))
        else:
            problem = problem or ("has a positional argument after a keyword" if keywords else "")
            positional.append(_value(child, known))
    return tuple(positional), tuple(keywords), problem


def _value(node: "Node", known: Known) -> Value:
    while node.type == "parenthesized_expression" and node.named_child_count == 1:
        node = node.named_children[0]
    if node.type == "identifier":
        return value_of(known(), Value("name", text_of(node)))
    if is_constant(value := constant_of(node, {})) or is_constant(value := constant_of(node, known())):
        return _constant(value)
    return Value("expression", re.sub(r"\s+", "", _filled(node, known)).replace('"', "'"))


def value_of(known: dict[str, Constant], name: Value) -> Value:
    """What a name stands for, or the name itself."""
    return _constant(known[name.text]) if name.text in known else name


def _constant(value: object) -> Value:
    return Value("string", value) if isinstance(value, str) else Value("constant", repr(value))


def _filled(node: "Node", known: Known) -> str:
    """An expression's source with the names of constants replaced by the constants."""
    source, start = node.text or b"", node.start_byte
    for name in reversed(_names_read(node)):
        if (text := text_of(name)) in known():
            value = repr(known()[text]).encode("utf-8", "replace")
            source = source[: name.start_byte - start] + value + source[name.end_byte - start :]
    return source.decode("utf-8", "replace")


def _names_read(node: "Node") -> "list[Node]":
    """Identifiers an expression reads, in order: no attribute's name, no keyword argument's."""
    found, stack = [], [node]
    while stack:
        inner = stack.pop()
        if inner.type == "identifier":
            found.append(inner)
        children = inner.named_children
        if inner.type == "attribute":
            children = children[:1]
        elif inner.type == "keyword_argument":
            children = children[1:]
        stack.extend(reversed(children))
    return found
