r"""Finds the call and the program in an answer: what was found in its text, and how.

Answers come as ``<<<api_call>>>: ...`` sections, as Python dictionaries whose inner quotes are not escaped, as fenced
blocks, as bare code, as prose around a call, with ``\n`` and ``\"`` written out, and cut off in the middle. The shapes
are tried in turn, the most explicit first; ``how`` names the one that matched.
"""

import itertools
import re
from dataclasses import dataclass, field

from apigauge.harness.extraction.answer_call import program_call
from apigauge.harness.extraction.call_scan import choose_call, imports
from apigauge.harness.extraction.reasoning import separate
from apigauge.harness.extraction.reasoning_tags import Reasoning
from apigauge.harness.extraction.syntax import MAX_PROGRAM, parses

MAX_TEXT = 1_000_000

_NO_CALL = ", no call"

_SECTION = r"(?:<<<|###)\s{{0,9}}{name}\s{{0,9}}(?:>>>)?\s{{0,9}}:"
_CALL_SECTION = re.compile(_SECTION.format(name="api[_ ]call"), re.IGNORECASE)
_CODE_SECTION = re.compile(_SECTION.format(name="code"), re.IGNORECASE)
_NEXT_SECTION = re.compile(r"<<<|###")
_CALL_ENTRY = re.compile(r"['\"]api_call['\"]\s{0,9}:\s{0,9}")
_CODE_ENTRY = re.compile(r"['\"](?:\w{1,80}_)?code['\"]\s{0,9}:\s{0,9}")
_NEXT_ENTRY = re.compile(
    r",\s{0,9}['\"](?:api|code|description|domain|example|explanation|framework|functionality|performance)\w{0,80}['\"]"
    r"\s{0,9}:|\}\s{0,9}['\"]?\s{0,9}\Z"
)
_FENCE = re.compile(r"```[ \t]{0,9}([\w+-]{0,20})[^\n`]{0,80}\n(.*?)(?:```|\Z)", re.DOTALL)
_PYTHON_TAGS = frozenset({"", "ipython", "py", "py3", "pycon", "python", "python3"})
_SHELL = re.compile(r"\s*(?:[$!%]\s*)?(?:apt|apt-get|conda|pip|pip3|python|sudo)\s")
# A notebook's lines for the shell and for itself (``!pip install x``, ``%matplotlib inline``), and the bare command.
_NOTEBOOK_LINE = re.compile(r"[ \t]{0,9}(?:[!%]{1,2}[ \t]{0,9}[a-z]|(?:conda|pip|pip3)[ \t]{1,9}install[ \t])")
_FIRST_IMPORT = re.compile(r"^(?:import|from)[ \t]+\w", re.MULTILINE)
_STRAY_ESCAPE = re.compile(r"[(,=\s:\[]\\++['\"]")
# Only from the first backslash of a run: else a run of a million is read a million times.
_ESCAPED_LINE_END = re.compile(r"(?<!\\)\\++n")
_ESCAPED_TAB = re.compile(r"(?<!\\)\\++t")
_ESCAPED_QUOTE = re.compile(r"(?<!\\)\\++(['\"])")
MAX_SECTIONS = 20


@dataclass(frozen=True, slots=True)
class Extraction:
    """What extraction found in a completion.

    Attributes:
        text: the completion itself (what ``ast.gorilla`` reads).
        call: source of the one call the answer proposes; None if it proposes none.
        program: the program around it; None if there is none.
        how: where the call was found and what was done to the text, e.g. ``section`` or ``dict, unescaped``.
        imports: what the names that the program imports stand for, see :func:`~.call_scan.imports`.
        reasoning: what the model wrote before it answered, in which nothing was looked for; empty if nothing.
        unfinished: why the answer has no end: ``reasoning`` if it ends inside its reasoning, ``length`` if its tokens
            ran out; empty if it has one.
    """

    text: str
    call: str | None
    program: str | None
    how: str
    imports: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    reasoning: str = ""
    unfinished: str = ""


_STRIP = Reasoning()


def extract(text: str, functions: frozenset[str] = frozenset(), reasoning: Reasoning = _STRIP) -> Extraction:
    """Finds the call and the program in a completion. Never raises.

    Args:
        text: the completion.
        functions: dotted names of the catalogue's functions; a call of one of these, or of another function with the
            same last part, is preferred to other calls around it. In prose nothing else counts as a call.
        reasoning: how the reasoning is recognised; by default by every tag that is in use.
    """
    if len(text) > MAX_TEXT:
        return Extraction(text, None, None, "too long")
    parts = separate(text, reasoning)
    plain, is_unescaped = _unescape(parts.answer)
    program, place = _program(plain)
    sections = _sections(plain)
    names = imports(program or "")
    call, how = None, "nothing"
    for shape, values in sections:
        calls = (choose_call(value, names, functions, any_call=True) for value in values)
        call, how = next(((call, shape) for call in calls if call), (values[0] or None, shape + _NO_CALL))
        if call:
            break
    if (call is None or how.endswith(_NO_CALL)) and program is not None:
        # A section that holds no call ("import torch") yields to a program that calls the catalogue.
        choice = program_call(program, names, functions, any_call=call is None)
        call, how = (choice, place) if choice else (call, how)
    if call is None and place != "code":
        call, how = choose_call(_around(plain, program), names, functions, any_call=False, mentions=False), "prose"
    if call is None:
        how = "nothing"
    how += (", unescaped" if is_unescaped else "") + (", without reasoning" if parts.reasoning else "")
    return Extraction(text, call, program, how, names, parts.reasoning, "" if parts.is_closed else "reasoning")


def _around(text: str, program: str | None) -> str:
    """The text without the lines of its program, if that is one: a call in its comments is none of the answer's."""
    if program is None or not parses(program):
        return text
    lines = {line.strip() for line in program.split("\n")}
    return "\n".join(line for line in text.split("\n") if line.strip() not in lines)


def _unescape(text: str) -> tuple[str, bool]:
    """The text with written-out line ends and quotes as real ones where it seems to be escaped; whether it does."""
    if text.count("\\n") > text.count("\n"):
        text = _ESCAPED_TAB.sub("\t", _ESCAPED_LINE_END.sub("\n", text))
        return _ESCAPED_QUOTE.sub(r"\1", text), True
    if _STRAY_ESCAPE.search(text):
        return _ESCAPED_QUOTE.sub(r"\1", text), True
    return text, False


def _sections(text: str) -> list[tuple[str, list[str]]]:
    """The values of the answer's call sections, and of the call entries of its dictionary, by shape."""
    shapes = ((_CALL_SECTION, _NEXT_SECTION, "section"), (_CALL_ENTRY, _NEXT_ENTRY, "dict"))
    sections = [
        (how, [_until(text, match.end(), end) for match in itertools.islice(start.finditer(text), MAX_SECTIONS)])
        for start, end, how in shapes
    ]
    return [(how, values) for how, values in sections if values]


def _until(text: str, start: int, end: re.Pattern[str]) -> str:
    match = end.search(text, start)
    value = text[start : match.start() if match else len(text)].strip().rstrip(", \t\r\n")
    return value.strip("'\"").strip() if value[:1] in ("'", '"') else value


def _program(text: str) -> tuple[str | None, str]:
    """The program in a text, and where it stood."""
    if match := _CODE_SECTION.search(text):
        value = text[match.end() :]
        return _clean(_fenced(value) or value), "code section"
    if match := _CODE_ENTRY.search(text):
        return _clean(_until(text, match.end(), _NEXT_ENTRY)), "code entry"
    if fenced := _fenced(text):
        return _clean(fenced), "fence"
    if parses(text):
        return _clean(text), "code"
    if match := _FIRST_IMPORT.search(text):
        return _clean(text[match.start() :]), "imports"
    return None, ""


def _fenced(text: str) -> str | None:
    """The Python blocks of a text, one after the other: one may import what another calls."""
    blocks = [
        match[2]
        for match in itertools.islice(_FENCE.finditer(text), MAX_SECTIONS)
        if match[1].casefold() in _PYTHON_TAGS and not _SHELL.match(match[2])
    ]
    return "\n".join(blocks) or None


def _clean(program: str) -> str | None:
    program = program.strip()
    if program.endswith(('"', "'")) and not parses(program):
        program = program.rstrip("'\"").rstrip()
    return _python_of(program)[:MAX_PROGRAM] or None


def _python_of(program: str) -> str:
    """The text if it parses; else without a notebook's lines, or from its first import on, if that parses."""
    if parses(program):
        return program
    code = "\n".join(line for line in program.split("\n") if not _NOTEBOOK_LINE.match(line)).strip()
    first = _FIRST_IMPORT.search(code)
    candidates = [code, code[first.start() :]] if first else [code]
    return next((text for text in candidates if parses(text)), program)
