r"""Answers that are marked as such: by ``<answer>``, ``<|begin_of_solution|>``, ``\boxed{}`` or a heading."""

import re

_NAMES = r"answer|final_answer|final|response|solution"
# Some of these stand around a program's output as well, so they count only where nothing stands before them.
_OUTER_NAMES = rf"{_NAMES}|output|result"
# Occurs in the lower-case form of every text that has a mark in angle brackets.
HINT = rf"<(?:{_OUTER_NAMES}|\|begin_of_|\|start_)|final answer"
_MARK = re.compile(
    rf"<(?P<name>(?i:{_NAMES}))(?:\s[^<>\n]{{0,80}})?>|<\|begin_of_(?:solution|answer)\|>"
    r"|<\|START_RESPONSE\|>|<\|START_ACTION\|>|^[ \t>#*_]{0,9}(?i:final answer)[ \t*_:]{0,9}",
    re.MULTILINE,
)
_OUTER = re.compile(
    rf"\A\s{{0,80}}(?:<(?P<name>(?i:{_OUTER_NAMES}))(?:\s[^<>\n]{{0,80}})?>|<\|begin_of_(?:solution|answer)\|>"
    r"|<\|START_RESPONSE\|>)"
)
_END_TOKENS = re.compile(r"<\|end_of_(?:solution|answer)\|>|<\|END_RESPONSE\|>|<\|END_ACTION\|>")
_AT_END = re.compile(rf"</(?P<name>(?i:{_NAMES}))>\s{{0,80}}\Z")
_LONGEST = 50_000
_FENCE = re.compile(r"^[ \t]{0,12}(?:`{3,}|~{3,})", re.MULTILINE)
BOXED = "\\boxed{"
_LATEX_TEXT = re.compile(r"\\(?:text|texttt|mathtt|mathrm|operatorname|verb)\b\s{0,3}\{")
_LATEX_ESCAPE = re.compile(r"\\([_{}%#&$])")


def marked(text: str) -> tuple[str, str] | None:
    """What stands before the marked answer, and the answer without its marks; None if none is marked."""
    return _wrapped(text) or (_boxed(text) if BOXED in text else None)


def marked_at_end(text: str) -> tuple[str, str] | None:
    """The same for a text that ends with a marked answer, mark and all; None if it does not."""
    match = _AT_END.search(text[-_LONGEST:])
    if match is None:
        return None
    end = len(text) - _LONGEST if len(text) > _LONGEST else 0
    opening = text.lower().rfind(f"<{match['name'].lower()}>", end)
    content = text[opening:][len(match["name"]) + 2 : -len(match[0])].strip("\r\n")
    return (text[:opening], content) if opening >= 0 and content.strip() else None


def _wrapped(text: str) -> tuple[str, str] | None:
    if match := _OUTER.match(text):
        content = _content(text, match)
        return ("", content) if content.strip() else None
    match = _last(text)
    if match is None:
        return None
    before, content = text[: match.start()], _content(text, match)
    fences = len(_FENCE.findall(before))
    if fences % 2:  # within a fenced block
        return None
    # An answer in words ("use the code above") leaves what stands before it in force.
    return (before, content) if _FENCE.search(content) or ("(" in content and not fences) else None


def _last(text: str) -> re.Match[str] | None:
    """The last opening mark that begins a line, or that a closing one follows; not one in quotation marks."""
    last = None
    end = text.rfind("</")
    for match in _MARK.finditer(text):
        before = text[max(0, match.start() - 80) : match.start()].rpartition("\n")[2]
        if not before.strip(" \t>*") or (match.end() < end and before[-1:] not in "'\"`"):
            last = match
    return last


def _content(text: str, match: re.Match[str]) -> str:
    """What follows an opening mark, to its closing one or to the end."""
    rest = text[match.end() :]
    end = re.search(rf"</{re.escape(match['name'])}\s{{0,3}}>", rest, re.IGNORECASE) if match["name"] else None
    end = end or _END_TOKENS.search(rest)
    return (rest[: end.start()] if end else rest).strip("\r\n")


def _boxed(text: str) -> tuple[str, str] | None:
    r"""The last ``\boxed{}`` that holds a call; a text with a fenced block has its answer there."""
    if _FENCE.search(text):
        return None
    start = text.rindex(BOXED)
    content = _braced(text, start + len(BOXED))
    while match := _LATEX_TEXT.match(content.strip()):
        content = _braced(content.strip(), match.end())
    content = _LATEX_ESCAPE.sub(r"\1", content).strip().strip("`$").strip()
    return (text[:start].rstrip(" $"), content) if "(" in content else None


def _braced(text: str, start: int) -> str:
    """The text from here to the brace that closes it, or to the end."""
    depth = 1
    for match in re.compile(r"\\.|[{}]", re.DOTALL).finditer(text, start):
        depth += {"{": 1, "}": -1}.get(match[0], 0)
        if depth == 0:
            return text[start : match.start()]
    return text[start:]
