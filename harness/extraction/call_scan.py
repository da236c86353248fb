"""Finding calls and imports in text that need not be valid Python.

Answers are prose, dictionaries and broken programs as often as code, so this reads characters, not a syntax tree. It
never raises and takes time linear in the text (each call is followed for at most ``MAX_CALL`` characters).
"""

import itertools
import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from apigauge.harness.extraction.syntax import syntax_tree

MAX_CALL = 4_000
MAX_CALLS = 500

# Bounded repetitions: an answer may be a million times the same character.
_CALLEE = re.compile(r"(?<![\w.])(?<!def )(?<!class )([^\W\d]\w*+(?:\s{0,9}\.\s{0,9}[^\W\d]\w*+){0,20})\s{0,9}\(")
_NOT_CALLEES = frozenset(
    [
        "and",
        "as",
        "assert",
        "await",
        "class",
        "def",
        "del",
        "elif",
        "else",
        "except",
        "for",
        "from",
        "if",
        "import",
        "in",
        "is",
        "lambda",
        "not",
        "or",
        "print",
        "raise",
        "return",
        "while",
        "with",
        "yield",
    ]
)
_IMPORT = re.compile(
    r"^[ \t]*+(?:from[ \t]++(?P<module>[\w.]++)[ \t]++)?import[ \t]++(?P<names>\([^)]{0,2000}\)|[^\n;#(]++)",
    re.MULTILINE,
)
_CLOSER = {"(": ")", "[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class CallSpan:
    """A call as it stands in a text: the dotted callee, where the call begins and ends, and whether it is closed."""

    callee: str
    start: int
    end: int
    closed: bool


def find_calls(text: str) -> Iterator[CallSpan]:
    """Calls of a dotted name, in the order they begin; nested ones follow the call around them."""
    for count, found in enumerate(_CALLEE.finditer(text)):
        if count >= MAX_CALLS:
            return
        callee = re.sub(r"\s+", "", found[1])
        if callee in _NOT_CALLEES:
            continue
        end = end_of_brackets(text, found.end() - 1)
        yield CallSpan(callee, found.start(), end if end >= 0 else len(text), end >= 0)


def end_of_brackets(text: str, start: int) -> int:
    """The position after the bracket that closes the one at ``start``; -1 if none does within ``MAX_CALL``."""
    closers: list[str] = []
    position, stop = start, min(len(text), start + MAX_CALL)
    while position < stop:
        character = text[position]
        if character in "'\"":
            position = _end_of_string(text, position, stop)
            continue
        if character in _CLOSER:
            closers.append(_CLOSER[character])
        elif character in ")]}":
            if not closers or closers.pop() != character:
                return -1
            if not closers:
                return position + 1
        position += 1
    return -1


def _end_of_string(text: str, start: int, stop: int) -> int:
    quote = text[start]
    delimiter = quote * 3 if text.startswith(quote * 3, start) else quote
    position = start + len(delimiter)
    while position < stop:
        if text[position] == "\\":
            position += 2
        elif text.startswith(delimiter, position):
            return position + len(delimiter)
        elif text[position] == "\n" and len(delimiter) == 1:
            return position
        else:
            position += 1
    return stop


def imports(program: str) -> dict[str, str]:
    """What each imported name stands for: ``{"F": "torch.nn.functional", "pipeline": "transformers.pipeline"}``."""
    names: dict[str, str] = {}
    program = re.sub(r"\\\r?\n", " ", re.sub(r"#[^\n]*", "", program))
    for found in _IMPORT.finditer(program):
        module = found["module"]
        for part in found["names"].strip("() \t").split(","):
            words = part.split()
            if not words or not re.fullmatch(r"[\w.]+", words[0]):
                continue
            target = f"{module}.{words[0]}" if module else words[0]
            if len(words) >= 3 and words[1] == "as":
                names[words[2]] = target
            elif module:
                names[words[0]] = target
            else:
                names[words[0].split(".")[0]] = words[0].split(".")[0]
    return names


def resolve(dotted: str, names: dict[str, str]) -> str:
    """The dotted name with its first part replaced by what it was imported from."""
    head, dot, tail = dotted.partition(".")
    return names.get(head, head) + dot + tail


def functions_of(calls: Iterable[str], conventions: dict[str, str] | None = None) -> frozenset[str]:
    """Callees of the outermost calls in the given texts, as written and as resolved: what extraction looks for."""
    found = set()
    for call in calls:
        end = 0
        for span in find_calls(call):
            if span.start >= end:
                found |= {span.callee, resolve(span.callee, conventions or {})}
                end = span.end
    return frozenset(found)


def comments_and_strings(program: str) -> list[range]:
    """Where a program's comments and strings stand, in characters; what a formatted string calls is none of it."""
    source = program.encode("utf-8", "replace")
    stretches: list[tuple[int, int]] = []
    stack = [syntax_tree(source).root_node]
    while stack:
        node = stack.pop()
        parts = [node]
        if node.type == "string" and any(child.type == "interpolation" for child in node.children):
            parts = [child for child in node.children if child.type != "interpolation"]
            stack.extend(child for child in node.children if child.type == "interpolation")
        elif node.type not in ("comment", "string"):
            parts = []
            stack.extend(node.children)
        stretches += [(part.start_byte, part.end_byte) for part in parts]
    stretches.sort()
    if len(source) == len(program):
        return [range(start, end) for start, end in stretches]
    place = list(itertools.accumulate((len(character.encode("utf-8", "replace")) for character in program), initial=0))
    return [range(bisect_left(place, start), bisect_left(place, end)) for start, end in stretches]
