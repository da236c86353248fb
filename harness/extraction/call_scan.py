"""Calls and imports in text that need not be valid Python, and the call that an answer proposes.

Answers are prose, dictionaries and broken programs as often as code, so this reads characters, not a syntax tree. It
never raises and takes time linear in the text (each call is followed for at most ``MAX_CALL`` characters).
"""

import itertools
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

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
_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_ENDS = frozenset(_CLOSERS.values())
# A bracket, a whole string or, in the second, a comment.
_MARK = (
    r"[()\[\]{}]"
    r"|\'{3}(?:[^'\\]|\\.|'(?!''))*+(?:\'{3})?|\"{3}(?:[^\"\\]|\\.|\"(?!\"\"))*+(?:\"{3})?"
    r"|'(?:[^'\\\n]|\\.)*+'?|\"(?:[^\"\\\n]|\\.)*+\"?"
)
_MARKS = re.compile(_MARK, re.DOTALL)
_MARKS_AND_COMMENTS = re.compile(rf"{_MARK}|#[^\n]*+", re.DOTALL)

# What a program loads next to its model, or wraps around it; the call that answers the question is the other one.
COMPANION = re.compile(r"(?:Tokenizer\w*|Processor|FeatureExtractor|Config|Scheduler|Sequential)(?:\.\w+)?$")
SEED = re.compile(r"_seed$")
# "Do not use f(x)", in the words just before the call.
_WARNING = re.compile(
    r"\b(?:avoid|do(?:es)? not|don.t|instead of|must not|never|rather than|should not|shouldn.t)\b[^.,:;\n]{0,40}\Z",
    re.IGNORECASE,
)
_NOT_CATALOGUE_LIKE = 3


@dataclass(frozen=True, slots=True)
class CallSpan:
    """A call in a text: the dotted callee, where the call begins and ends, and whether its brackets are closed."""

    callee: str
    start: int
    end: int
    closed: bool


def find_calls(text: str) -> Iterator[CallSpan]:
    """Calls of a dotted name, in the order in which they begin; nested ones follow the call around them."""
    for callee, start, bracket in _callees(text):
        yield _span(text, callee, start, bracket)


def _callees(text: str) -> Iterator[tuple[str, int, int]]:
    """Callees with where they begin and where their bracket is; to follow each to its end takes longer."""
    for match in itertools.islice(_CALLEE.finditer(text), MAX_CALLS):
        callee = "".join(match[1].split())
        if callee not in _NOT_CALLEES:
            yield callee, match.start(), match.end() - 1


def _span(text: str, callee: str, start: int, bracket: int) -> CallSpan:
    end = end_of_brackets(text, bracket)
    return CallSpan(callee, start, end if end >= 0 else len(text), end >= 0)


def end_of_brackets(text: str, start: int) -> int:
    """The position after the bracket that closes the one at ``start``; -1 if none does within ``MAX_CALL``.

    Brackets and quotes in comments do not count, unless the call would be open then: prose has ``#`` without comments.
    """
    end = _end_of_brackets(text, start, _MARKS_AND_COMMENTS)
    if end < 0 and "#" in text[start : start + MAX_CALL]:
        return _end_of_brackets(text, start, _MARKS)
    return end


def _end_of_brackets(text: str, start: int, marks: re.Pattern[str]) -> int:
    closers: list[str] = []
    for mark in marks.finditer(text, start, start + MAX_CALL):
        character = mark[0]
        if character in _CLOSERS:
            closers.append(_CLOSERS[character])
        elif character in _ENDS:
            if not closers or closers.pop() != character:
                return -1
            if not closers:
                return mark.end()
    return -1


def imports(program: str) -> dict[str, str]:
    """What each imported name stands for: ``{"F": "torch.nn.functional", "pipeline": "transformers.pipeline"}``."""
    names: dict[str, str] = {}
    program = re.sub(r"\\\r?\n", " ", re.sub(r"#[^\n]*", "", program))
    for statement in _IMPORT.finditer(program):
        module = statement["module"]
        for part in statement["names"].strip("() \t").split(","):
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
    callees = set()
    for call in calls:
        end = 0
        for span in find_calls(call):
            if span.start >= end:
                callees |= {span.callee, resolve(span.callee, conventions or {})}
                end = span.end
    return frozenset(callees)


def choose_call(
    text: str,
    names: dict[str, str],
    functions: frozenset[str],
    *,
    any_call: bool,
    skip: Sequence[range] = (),
    mentions: bool = True,
) -> str | None:
    """The call in a text that answers the question; None if there is none.

    The first call of a catalogue-like function that is no companion (a tokenizer, a configuration) and sets no seed;
    else the first companion, else the first seed, else the first call of anything.

    Args:
        text: a section of an answer, its program, or prose.
        names: what imported names stand for.
        functions: the catalogue's, from :func:`functions_of`.
        any_call: whether a call counts that is not catalogue-like.
        skip: stretches of the text in which no call counts, see :func:`comments_and_strings`.
        mentions: whether a call without arguments counts, and one that the sentence warns of; in prose neither does.
    """
    best, best_rank = None, _NOT_CATALOGUE_LIKE + any_call
    for callee, start, bracket in _callees(text):
        rank = _rank(resolve(callee, names), callee, functions)
        if rank >= best_rank or is_within(start, skip):
            continue
        span = _span(text, callee, start, bracket)
        if mentions or not _is_mention(text, span):
            best, best_rank = span, rank
        if not best_rank:
            break
    return text[best.start : best.end].strip() if best is not None else None


def _rank(callee: str, written: str, functions: frozenset[str]) -> int:
    if not any(is_catalogue_like(name, functions) for name in (written, callee)):
        return _NOT_CATALOGUE_LIKE
    return 2 if SEED.search(callee) else 1 if COMPANION.search(callee) else 0


def is_within(position: int, stretches: Sequence[range]) -> bool:
    """Whether a position is in one of several stretches, which are in order and do not overlap."""
    index = bisect_right(stretches, position, key=lambda stretch: stretch.start)
    return index > 0 and position in stretches[index - 1]


def _is_mention(text: str, span: CallSpan) -> bool:
    """Whether prose only mentions a function (``load()``, ``load(...)``), or says not to call it."""
    bracket = text.find("(", span.start, span.end)
    if not text[bracket + 1 : span.end].strip(" .…)\t\r\n"):
        return True
    return bool(_WARNING.search(text[max(0, span.start - 100) : span.start]))


def is_catalogue_like(callee: str, functions: frozenset[str]) -> bool:
    """Whether a callee ends as a catalogue function does: ``Made.from_pretrained`` may be, ``np.load`` is not."""
    lasts, parents = _endings(functions)
    *before, last = callee.split(".")
    if not before:
        return last in functions
    return last in lasts and (before[-1] in parents or not before[-1][:1].islower())


@lru_cache(maxsize=16)
def _endings(functions: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The last parts of dotted names, and the parts before them."""
    split = [name.split(".") for name in functions]
    return frozenset(parts[-1] for parts in split), frozenset(parts[-2] for parts in split if len(parts) > 1)


@lru_cache(maxsize=8)
def comments_and_strings(program: str) -> tuple[range, ...]:
    """The stretches of a program, in characters, that are comments or strings; calls in a formatted string are code."""
    # The grammar takes a backtick for a quote, which no Python does: a Markdown fence would hide the code behind it.
    source = program.replace("`", "?").encode("utf-8", "replace")
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
        return tuple(range(start, end) for start, end in stretches)
    offsets = list(
        itertools.accumulate((len(character.encode("utf-8", "replace")) for character in program), initial=0)
    )
    return tuple(range(bisect_left(offsets, start), bisect_left(offsets, end)) for start, end in stretches)
