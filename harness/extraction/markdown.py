"""The code in a Markdown text, by a CommonMark parser: fenced and indented blocks, and code within a line.

Chat answers are Markdown, but models close a fence at the end of a line, open a second one inside of the first, or
leave one out. CommonMark has an answer to each of these, seldom what was meant; so a block that is no program and has a
fence in it ends there, and what follows is read again.
"""

import re
from functools import cache
from typing import TYPE_CHECKING, NamedTuple

from apigauge.harness.extraction.program_text import as_program, has_statement
from apigauge.harness.extraction.syntax import parses

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.token import Token

MAX_BLOCKS = 40
# How often a text is read again from a fence on that CommonMark reads otherwise than it was meant.
_MAX_READINGS = 12
_MAX_READ_AGAIN = 100_000

_INDENTED = re.compile(r"^(?: {4}|\t)", re.MULTILINE)
_FENCE = re.compile(r"`{3,9}|~{3,9}")
_FENCE_LINE = re.compile(r"^[ \t>]{0,40}(?:`{3,}|~{3,})", re.MULTILINE)
_TAG = re.compile(r"\{?\.?[ \t]{0,9}([\w+#.-]{0,30})\}?(?:[:,;{ \t].*)?\Z", re.DOTALL)
# ``title="main.py"`` behind a tag.
_ATTRIBUTE = re.compile(r"(?:[\w-]{1,40}=(?:\"[^\"\n]*+\"|'[^'\n]*+'|[^\s()]++)\s*+)+")
_INLINE_TAG = re.compile(r"\A(?:python3?|py)[ \t]+", re.IGNORECASE)


class Block(NamedTuple):
    """A block of code.

    Attributes:
        tag: what its fence says of its language, in lower case; empty if nothing.
        content: the code, with a first line that stood on the fence's own.
        start: the first line of the text that belongs to it.
        end: the line after the last one.
        is_closed: whether its fence is closed.
        lead: the last words before it.
    """

    tag: str
    content: str
    start: int
    end: int
    is_closed: bool = True
    lead: str = ""


class Document(NamedTuple):
    """A text's code.

    Attributes:
        fenced: fenced blocks in order.
        indented: blocks that are code by their indentation.
        spans: code within a line, and whether nothing else stands in its paragraph.
    """

    fenced: list[Block]
    indented: list[Block]
    spans: list[tuple[str, bool]]


def may_have_fences(text: str) -> bool:
    """Whether a text can have fenced blocks or code within a line; spares a plain answer the parser."""
    return "`" in text or "~~~" in text


def may_have_indented_code(text: str) -> bool:
    """Whether a text can have blocks that are code by their indentation."""
    return _INDENTED.search(text) is not None


@cache
def _parser() -> "MarkdownIt":
    from markdown_it import MarkdownIt

    parser = MarkdownIt("zero", {"maxNesting": 40})
    return parser.enable(["code", "fence", "blockquote", "list", "heading", "hr", "backticks"])


def read_markdown(text: str) -> Document:
    """The code in a text whose line ends are single characters. Never raises; linear in the text."""
    document = Document([], [], [])
    lines = text.split("\n")
    head = _closing_fence_only(lines)
    start = 0
    if head:
        document.fenced.append(Block("", "\n".join(lines[:head]) + "\n", 0, head + 1))
        start = head + 1
    readings = _MAX_READINGS if len(text) <= _MAX_READ_AGAIN else 2
    for _ in range(readings):
        again = _read(lines, start, document)
        if again is None or len(document.fenced) >= MAX_BLOCKS:
            break
        start = again
    return document


def _closing_fence_only(lines: list[str]) -> int:
    """The line of a fence that closes what the prompt opened: before the first fence stands a program; 0 if not."""
    fences = (number for number, line in enumerate(lines) if _FENCE_LINE.match(line))
    first = next(fences, 0)
    if not first or lines[first].strip(" \t`~"):
        return 0
    is_even = sum(1 for _ in fences) % 2
    program, is_program = as_program("\n".join(lines[:first]))
    if not is_program or not has_statement(program):
        return 0
    following = "\n".join(lines[first + 1 :]).partition("```")[0]
    return 0 if is_even and as_program(following)[1] else first


def _read(lines: list[str], start: int, document: Document) -> int | None:
    """Adds the code from a line on; the line to read on from if a block was cut at a fence inside of it."""
    tokens: list[Token] = []
    parser = _parser()
    parser.block.parse("\n".join(lines[start:]), parser, {}, tokens)
    lead = ""
    for token in tokens:
        first, last = (start + line for line in token.map or (0, 0))
        if token.type == "inline":
            lead = token.content[-200:]
            if (fence := _FENCE_LINE.search(token.content)) and "\n" in token.content:
                again = _unindented(lines, first + token.content.count("\n", 0, fence.start()))
                if again is not None:
                    return again
            document.spans.extend(_spans(token.content))
        elif token.type == "code_block":
            if _FENCE_LINE.search(token.content):
                again = _unindented(lines, first)
                if again is not None:
                    return again
            document.indented.append(Block("", token.content, first, last, lead=lead))
        elif token.type == "fence":
            again = _add_fence(token, lines, (first, last, lead), document)
            if again is not None:
                return again
    return None


def _unindented(lines: list[str], number: int) -> int | None:
    """Moves an indented fence and what it holds to the margin, in place; its line, or None if there is none."""
    while number < len(lines) and not _FENCE_LINE.match(lines[number]):
        number += 1
    if number >= len(lines) or not lines[number][:1].isspace():
        return None
    margin = len(lines[number]) - len(lines[number].lstrip())
    for at in range(number, len(lines)):
        line = lines[at]
        lines[at] = line[margin:] if line[:margin].isspace() else line.lstrip()
        if at > number and _FENCE_LINE.match(lines[at]) and not lines[at].strip(" \t`~"):
            break
    return number


def _add_fence(token: "Token", lines: list[str], place: tuple[int, int, str], document: Document) -> int | None:
    first, last, lead = place
    tag, begun = _tag(token.info)
    content = begun + token.content
    is_closed = last - first > 1 and lines[last - 1].strip(" \t>").startswith(token.markup)
    fence = _FENCE.search(token.content)
    if fence is None or parses(content.strip()):
        document.fenced.append(Block(tag, content, first, last, is_closed, lead))
        return None
    before, behind = token.content[: fence.start()], token.content[fence.start() :].partition("\n")[0]
    number = first + 1 + before.count("\n")
    is_opening = not before.rpartition("\n")[2].strip() and behind.strip(" \t`~")
    document.fenced.append(
        Block(tag, begun + before.rstrip(" \t\n") + "\n", first, number + (not is_opening), lead=lead)
    )
    return number if is_opening else number + 1


def _tag(info: str) -> tuple[str, str]:
    """A fence's tag, and the line of code that stands on the fence's own line."""
    info = info.strip()
    if (match := _INLINE_TAG.match(info)) and _is_statement(info[match.end() :]):
        return "python", info[match.end() :] + "\n"
    if _is_statement(info):
        return "", info + "\n"
    match = _TAG.match(info)
    return (match[1].casefold() if match else info[:30].casefold()), ""


def _is_statement(text: str) -> bool:
    if _ATTRIBUTE.fullmatch(text):
        return False
    return bool(re.match(r"(?:import|from)[ \t]+\w|[\w.]+[ \t]*(?:=|\()", text)) and (
        parses(text) or text.count("(") > text.count(")")
    )


def _spans(content: str) -> list[tuple[str, bool]]:
    if "`" not in content:
        return []
    tokens: list[Token] = []
    parser = _parser()
    parser.inline.parse(content, parser, {}, tokens)
    spans = [token.content for token in tokens if token.type == "code_inline"]
    is_alone = len(spans) == 1 and not any(token.content.strip() for token in tokens if token.type == "text")
    return [(_INLINE_TAG.sub("", span), is_alone) for span in spans[:MAX_BLOCKS]]
