"""Calls and signatures, parsed: which function, and which parameter has which argument.

Parsed with tree-sitter, because half of the calls that models write are not quite Python, and tree-sitter has a tree
for those too.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING

from apigauge.harness.extraction.call_scan import comments_and_strings, find_calls, imports, is_within, resolve
from apigauge.harness.extraction.program_scope import LiveCall, call_outside, followed, live_calls
from apigauge.harness.extraction.syntax import parses, syntax_tree, text_of
from apigauge.harness.metrics.signatures import SIGNATURES, Signature
from apigauge.harness.metrics.values import Kind, Value, argument_value, constants, default_text, literal_value

if TYPE_CHECKING:
    from tree_sitter import Node, Tree

MAX_PARTS = 20
# How many characters are read of a call whose brackets nothing closes.
MAX_UNCLOSED = 400
# How many names a key of the table has at most.
_MOST_NAMES = max(function.count(".") for function in SIGNATURES) + 1


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        written: the callee as it stands in the text.
        function: the callee with imports, aliases and the benchmark's conventions resolved.
        positional: positional arguments in order.
        keywords: keyword arguments.
        problem: why Python would not accept the arguments; empty if it would.
        is_open: whether ``*`` or ``**`` passes what could not be followed, so that there may be more arguments.
        method: see :class:`~.extraction.program_scope.LiveCall`.
    """

    written: str
    function: str
    positional: tuple[Value, ...]
    keywords: tuple[tuple[str, Value], ...]
    problem: str = ""
    is_open: bool = False
    method: str = ""

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
        if signature is not None and signature.is_bounded and len(self.positional) > len(signature.parameters):
            most = len(signature.parameters)
            return f"passes {len(self.positional)} arguments by position; {self.function} takes {most}"
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


@lru_cache(maxsize=4_096)
def signature_of(function: str) -> Signature | None:
    """The table's entry for a resolved dotted name, or None."""
    parts = function.split(".")[-_MOST_NAMES:]
    for start in range(len(parts)):
        if signature := SIGNATURES.get(".".join(parts[start:])):
            return signature
    return None


def parse_call(text: str, names: Mapping[str, str], program: str = "") -> Call | None:
    """The call a text begins with, for example a reference.

    Args:
        text: source of one call.
        names: what imported names stand for.
        program: the program that it belongs to; its constants are followed.

    Returns:
        None if the text holds no complete call of a dotted name. What is no constant is an expression to compare.
    """
    call = _parsed(text, names, program)
    return call if call is None else _each(call, "unresolved", "expression")


def _parsed(text: str, names: Mapping[str, str], program: str) -> Call | None:
    source = text.encode("utf-8", "replace")
    node = _first_call(syntax_tree(source))
    callee = node.child_by_field_name("function") if node is not None else None
    arguments = node.child_by_field_name("arguments") if node is not None else None
    if node is None or callee is None or arguments is None or arguments.type != "argument_list":
        return None
    written = re.sub(r"\\\n|#[^\n]*|\s+", "", text_of(callee))
    if not re.fullmatch(r"[^\W\d][\w.]*", written):
        return None
    function = resolve(written, dict(names))
    literal = _literal_arguments(arguments)
    if literal and (not program or followed(program) is None):
        return Call(written, function, *literal, _problem(arguments))
    call = call_outside(program, node, source, constants(program) if program and not literal else {})
    if call is None:
        return Call(written, function, (), (), "cannot be followed")
    if not call.is_free and call.function:
        function = call.function
    return _call_of(call, written, function, problem=_problem(arguments))


def _literal_arguments(arguments: "Node") -> tuple[tuple[Value, ...], tuple[tuple[str, Value], ...]] | None:
    """Arguments that are all plain literals, as most are: there is nothing to follow in them. None for others."""
    positional: list[Value] = []
    keywords: list[tuple[str, Value]] = []
    for child in arguments.named_children:
        if child.type == "comment":
            continue
        name = child.child_by_field_name("name") if child.type == "keyword_argument" else None
        value = literal_value(child if name is None else child.child_by_field_name("value") or child)
        if value is None:
            return None
        if name is None:
            positional.append(value)
        else:
            keywords.append((text_of(name), value))
    return tuple(positional), tuple(keywords)


@dataclass(frozen=True, slots=True)
class Proposal:
    """The call that an answer proposes.

    Attributes:
        call: the call.
        parts: calls whose results are handed to it: a model that a pipeline wraps.
        rivals: calls of the same function that take its place: a program that loads one model and then another into the
            same variable proposes both.
    """

    call: Call
    parts: tuple[Call, ...] = ()
    rivals: tuple[Call, ...] = ()


def proposal(call: str, names: Mapping[str, str], program: str) -> Proposal | None:
    """The call that an answer proposes, with what belongs to it.

    Args:
        call: its source, as extraction gives it.
        names: what names stand for that the program does not bind.
        program: the answer's program; empty if it has none.

    Returns:
        None if the text holds no complete call of a dotted name.
    """
    return _proposal(call, tuple(names.items()), program)


@lru_cache(maxsize=64)
def _proposal(call: str, pairs: tuple[tuple[str, str], ...], program: str) -> Proposal | None:
    names = dict(pairs)
    same = [one for one in live_calls(program) if one.text.strip() == call.strip()]
    live = [one for one in same if one.is_api]
    if not live:
        parsed = _parsed(call, names, program)
        method = next((one.method for one in same), "")
        return Proposal(_answers(replace(parsed, method=method))) if parsed is not None else None
    return Proposal(
        _resolved(live[0], names),
        tuple(_resolved(part, names) for part in _all_parts(live[0])),
        tuple(_resolved(rival, names) for rival in live[0].rivals),
    )


def _all_parts(call: LiveCall) -> list[LiveCall]:
    parts: dict[int, LiveCall] = {}
    stack = list(call.parts)
    while stack and len(parts) < MAX_PARTS:
        part = stack.pop(0)
        if part.is_api and id(part) not in parts:
            parts[id(part)] = part
            stack += part.parts
    return list(parts.values())


def program_calls(program: str, conventions: Mapping[str, str]) -> tuple[Call, ...]:
    """Every call that a program makes of a function with a dotted name, in the order of the text.

    Args:
        program: source, as extraction gives it; it need not parse.
        conventions: the benchmark's names that programs use without importing them.

    Returns:
        Calls that stand in code that runs; an argument that cannot be followed has the kind ``unresolved``. A call that
        is made several times is there once for each set of arguments.
    """
    return _program_calls(program, tuple(sorted(conventions.items())))


@lru_cache(maxsize=64)
def _program_calls(program: str, conventions: tuple[tuple[str, str], ...]) -> tuple[Call, ...]:
    names = dict(conventions)
    if followed(program) is not None:
        calls = [call for call in live_calls(program) if call.is_api and call.function]
        return tuple(_resolved(one, names) for call in calls for one in _each_time(call))
    names |= imports(program)
    skip = comments_and_strings(program)
    spans = (span for span in find_calls(program) if not is_within(span.start, skip))
    # A model that repeats itself makes one call hundreds of times.
    texts = dict.fromkeys(
        program[span.start : span.end if span.closed else span.start + MAX_UNCLOSED] for span in spans
    )
    parsed = (_parsed(text, names, program) for text in texts)
    return tuple(_answers(call) for call in parsed if call is not None)


def _each_time(call: LiveCall) -> Iterable[LiveCall]:
    if len(call.variants) == 1:
        return [call]
    return (replace(call, positional=positional, keywords=keywords) for positional, keywords in call.variants)


def _resolved(call: LiveCall, names: Mapping[str, str]) -> Call:
    function = resolve(call.function, dict(names)) if call.is_free else call.function
    return _answers(_call_of(call, call.written, function))


@lru_cache(maxsize=256)
def _call_of(call: LiveCall, written: str, function: str, problem: str = "") -> Call:
    positional = tuple(argument_value(one) for one in call.positional)
    keywords = tuple((name, argument_value(one)) for name, one in call.keywords)
    return Call(written, function, positional, keywords, problem, call.is_open)


def _answers(call: Call) -> Call:
    """An answer's call: what a name stands for that nothing binds is open; in a reference it is any value."""
    return _each(call, "name", "unresolved")


def _each(call: Call, kind: Kind, other: Kind) -> Call:
    """The call with the values of one kind made values of another."""
    if all(value.kind != kind for value in (*call.positional, *(value for _, value in call.keywords))):
        return call

    def changed(value: Value) -> Value:
        return Value(other, value.text) if value.kind == kind else value

    keywords = tuple((name, changed(value)) for name, value in call.keywords)
    return replace(call, positional=tuple(map(changed, call.positional)), keywords=keywords)


def _first_call(tree: "Tree") -> "Node | None":
    cursor = tree.walk()
    while True:
        node = cursor.node
        if node is not None and node.type == "call":
            return node
        if cursor.goto_first_child():
            continue
        while not cursor.goto_next_sibling():
            if not cursor.goto_parent():
                return None


def _problem(arguments: "Node") -> str:
    """Why Python would not accept the order of the arguments; empty if it would."""
    by_name = False
    for child in arguments.named_children:
        if child.type in ("keyword_argument", "dictionary_splat"):
            by_name = True
        elif by_name and child.type not in ("comment", "ERROR", "list_splat"):
            return "has a positional argument after a keyword"
    return ""


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
    by_position: list[str] = []
    defaults: dict[str, str] = {}
    keywords: list[str] = []
    by_keyword = is_variadic = takes_any = False
    for parameter in parameters.named_children:
        value = parameter.child_by_field_name("value")
        identifier = parameter.child_by_field_name("name") or parameter
        identifier = identifier.named_children[0] if identifier.type == "typed_parameter" else identifier
        is_variadic = is_variadic or identifier.type == "list_splat_pattern"
        takes_any = takes_any or identifier.type == "dictionary_splat_pattern"
        by_keyword = by_keyword or identifier.type in ("keyword_separator", "list_splat_pattern")
        if parameter.type == "positional_separator":
            by_position, keywords = [*positional], []
        if identifier.type != "identifier":  # ``*``, ``/``, ``*arguments``, ``**options``
            continue
        keywords.append(text_of(identifier))
        if not by_keyword:
            positional.append(text_of(identifier))
        if value is not None:
            defaults[text_of(identifier)] = default_text(value)
    names = None if takes_any else frozenset(keywords) - set(by_position)
    signature = Signature(tuple(positional), defaults=defaults, keywords=names, is_bounded=not is_variadic)
    return name.strip(), signature
