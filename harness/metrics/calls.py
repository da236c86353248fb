"""Calls and signatures, parsed: which function, and which parameter has which argument.

Parsed with tree-sitter, because half of the calls that models write are not quite Python, and tree-sitter has a tree
for those too.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from apigauge.harness.extraction.call_scan import comments_and_strings, find_calls, imports, resolve
from apigauge.harness.extraction.syntax import parses, syntax_tree, text_of
from apigauge.harness.metrics.signatures import SIGNATURES, Signature
from apigauge.harness.metrics.values import Value, default_text, value_of

if TYPE_CHECKING:
    from tree_sitter import Node


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

        Where a parameter is given twice, the first value counts; :meth:`conflict` reports it.
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


class Signatures:
    """Signatures by function: those that a catalogue has, then the table of :mod:`~.metrics.signatures`."""

    def __init__(self, texts: Iterable[str]) -> None:
        parsed = (parse_signature(text) for text in texts if text)
        self._of_catalogue = dict(entry for entry in parsed if entry)

    def of(self, function: str) -> Signature | None:
        """The signature of a resolved dotted name, or None."""
        return self._of_catalogue.get(function) or signature_of(function)


def signature_of(function: str) -> Signature | None:
    """The table's entry for a resolved dotted name, or None."""
    parts = function.split(".")
    for start in range(len(parts)):
        if signature := SIGNATURES.get(".".join(parts[start:])):
            return signature
    return None


def parse_call(text: str, names: dict[str, str], program: str = "") -> Call | None:
    """The call a text begins with.

    Args:
        text: source of one call, as extraction gives it.
        names: what imported names stand for.
        program: the surrounding program; the names that it gives one constant are followed.

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
    return Call(written, resolve(written, names), *_arguments(arguments, program))


def program_calls(program: str, conventions: Mapping[str, str]) -> tuple[Call, ...]:
    """Every call that a program makes of a function with a dotted name, in the order of the text.

    Args:
        program: source, as extraction gives it; it need not parse.
        conventions: the benchmark's names that programs use without importing them.

    Returns:
        Calls that stand in code that runs; an argument that cannot be followed has the kind ``unresolved``.
    """
    return _program_calls(program, tuple(sorted(conventions.items())))


@lru_cache(maxsize=64)
def _program_calls(program: str, conventions: tuple[tuple[str, str], ...]) -> tuple[Call, ...]:
    names = dict(conventions) | imports(program)
    skip = comments_and_strings(program)
    spans = [span for span in find_calls(program) if all(span.start not in stretch for stretch in skip)]
    calls = (parse_call(program[span.start : span.end], names, program) for span in spans)
    return tuple(call for call in calls if call is not None)


def _first_call(root: "Node") -> "Node | None":
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type == "call":
            return node
        stack.extend(reversed(node.named_children))
    return None


def _arguments(node: "Node", program: str) -> tuple[tuple[Value, ...], tuple[tuple[str, Value], ...], str]:
    positional: list[Value] = []
    keywords: list[tuple[str, Value]] = []
    problem = ""
    for child in node.named_children:
        name, value = child.child_by_field_name("name"), child.child_by_field_name("value")
        if child.type in ("comment", "ERROR"):
            continue
        if child.type == "keyword_argument" and name is not None and value is not None:
            keywords.append((text_of(name), value_of(value, program)))
        elif child.type in ("list_splat", "dictionary_splat"):
            keywords.append((f"{text_of(child)[:2]}{len(keywords)}", value_of(child, program)))
        else:
            problem = problem or ("has a positional argument after a keyword" if keywords else "")
            positional.append(value_of(child, program))
    return tuple(positional), tuple(keywords), problem


def parse_signature(text: str) -> tuple[str, Signature] | None:
    """A catalogue's ``name(parameter, *, keyword=default)``: function and signature; None if the text is no such."""
    name, bracket, rest = text.partition("(")
    source = f"def f({rest.rsplit(')', 1)[0]}): pass"
    if not bracket or not parses(source):
        return None
    function = syntax_tree(source.encode()).root_node.named_children[0]
    parameters = function.child_by_field_name("parameters")
    if function.type != "function_definition" or parameters is None:
        return None
    positional: list[str] = []
    defaults: dict[str, str] = {}
    by_keyword = False
    for parameter in parameters.named_children:
        by_keyword = by_keyword or parameter.type in ("keyword_separator", "list_splat_pattern")
        value = parameter.child_by_field_name("value")
        identifier = parameter.child_by_field_name("name") or parameter
        identifier = identifier.named_children[0] if identifier.type == "typed_parameter" else identifier
        if identifier.type != "identifier":  # ``*``, ``/``, ``*arguments``, ``**options``
            by_keyword = by_keyword or identifier.type == "list_splat_pattern"
            continue
        if not by_keyword:
            positional.append(text_of(identifier))
        if value is not None:
            defaults[text_of(identifier)] = default_text(value)
    return name.strip(), Signature(tuple(positional), defaults=defaults)
