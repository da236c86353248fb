"""What an answer has of each shape: announced calls, the program, and the prose around them."""

import html
import itertools
import re
from dataclasses import dataclass, field, replace

from apigauge.harness.extraction.blocks import is_foreign, python_blocks
from apigauge.harness.extraction.data_answers import DataAnswer, embedded_data, whole_data
from apigauge.harness.extraction.markdown import Block, Document, may_have_fences, may_have_indented_code, read_markdown
from apigauge.harness.extraction.program_text import (
    as_program,
    begins_escaped,
    can_begin_program,
    has_statement,
    is_code,
    is_prose,
    program_as_it_is,
    seems_escaped,
    trimmed,
    unescaped,
)
from apigauge.harness.extraction.syntax import MAX_PROGRAM, parses
from apigauge.harness.extraction.tool_calls import ToolCall, marked_calls

MAX_SECTIONS = 20
_MAX_TEXTS = 3

_SECTION = r"(?:<<<|###)\s{{0,9}}{name}\s{{0,9}}(?:>>>)?\s{{0,9}}:"
_CALL_SECTION = re.compile(_SECTION.format(name="api[_ ]call"), re.IGNORECASE)
_CODE_SECTION = re.compile(_SECTION.format(name="code"), re.IGNORECASE)
_NEXT_SECTION = re.compile(r"<<<|###")
_HEADING = re.compile(
    _SECTION.format(name="(?:api[_ ]call|code)").replace("(?:<<<|###)", "^###"), re.IGNORECASE | re.MULTILINE
)
_SECTION_LINE = re.compile(
    r"<<<\s{0,9}\w{1,40}\s{0,9}>>>\s{0,9}:|^###\s{0,9}(?:<<<)?\w{1,40}(?: \w{1,40})?\s{0,9}(?:>>>)?\s{0,9}:",
    re.MULTILINE,
)
# ``Answer: f(x)``, and nothing else.
_LABEL = re.compile(r"\A[A-Z]\w{0,40}:[ \t]{1,9}(?=[\w.]{1,200}+\([^\n]*\)\s{0,99}\Z)")
_CALL_ENTRY = re.compile(r"['\"]api_call['\"]\s{0,9}:\s{0,9}")
_CODE_ENTRY = re.compile(r"['\"](?:\w{1,80}_)?code['\"]\s{0,9}:\s{0,9}")
_NEXT_ENTRY = re.compile(
    r",\s{0,9}['\"](?:api|code|description|domain|example|explanation|framework|functionality|performance)\w{0,80}['\"]"
    r"\s{0,9}:|\}\s{0,9}['\"]?\s{0,9}\Z"
)
_FIRST_IMPORT = re.compile(r"^[ \t>]{0,40}(?:>>> ?|In ?\[\d{0,6}\]: ?)?(?:import|from)[ \t]+\w", re.MULTILINE)
_FIRST_PROMPT = re.compile(r"^[ \t]{0,9}(?:>>>|In ?\[\d{0,6}\]:)[ \t]", re.MULTILINE)
_CALL_SPAN = re.compile(r"\w\.\w{1,80}\([^()]{0,400}['\"]")
_MEANT_AS_IT_IS = re.compile(
    r"^[ \t>]*+(?:```|~~~|>>>)|\n[ \t]*+(?:import|from)[ \t]|\{\s*+\"|<[|\uff5c]|<tool|<function", re.MULTILINE
)
_ELEMENT = re.compile(
    r"</?(?P<tag>code|pre|answer|solution|program|python|script|execute|tool_code)\b[^>\n]{0,80}>", re.IGNORECASE
)
# What ``how`` says of a text that stood in a value of JSON.
IN_A_VALUE = ", in a value"


@dataclass(frozen=True, slots=True)
class Reading:
    """An answer, taken apart.

    Attributes:
        announced: the announced calls by shape: ``section``, ``tool call`` or ``dict``.
        program: the program; None if there is none.
        place: where the program stood.
        prose: what is neither announced nor program, in which a call of the catalogue counts.
        spans: code within a line of prose.
        note: what was done to the text, to be added to ``how``.
    """

    announced: tuple[tuple[str, list[str]], ...] = ()
    program: str | None = None
    place: str = ""
    prose: str = ""
    spans: list[str] = field(default_factory=list)
    note: str = ""


def read(text: str, functions: frozenset[str], depth: int = 0) -> Reading:
    """Takes an answer apart. Never raises; linear in the text.

    Args:
        text: the answer, without the model's reasoning.
        functions: the catalogue's, see :func:`~.call_scan.functions_of`.
        depth: how many values the text was taken out of.
    """
    text = trimmed(text)
    if (data := whole_data(text, functions)) and (reading := _of_data(data, functions, depth)):
        return reading
    if (program := _whole_program(text)) is not None:
        headed = _values(text, _CALL_SECTION, _NEXT_SECTION) if _HEADING.search(text) else []
        return Reading((("section", headed),) if headed else (), program[:MAX_PROGRAM], "code")
    text = text.replace("\r\n", "\n")
    if not seems_escaped(text):
        return _read_mixed(text, functions, depth)
    if _may_be_meant_as_it_is(text):
        reading = _read_mixed(text, functions, depth)
        if any(shape == "tool call" for shape, _ in reading.announced) or reading.note:
            return reading
        if reading.program is not None and _stands_in(text, reading.program) and has_statement(reading.program):
            announced = [(shape, [_as_meant(value) for value in values]) for shape, values in reading.announced]
            return replace(reading, announced=tuple(announced))
    return replace(_read_mixed(unescaped(text), functions, depth), note=", unescaped")


def _whole_program(text: str) -> str | None:
    if not can_begin_program(text) or (text[:1] == "{" and text[-1:] in "'\""):
        return None
    if text.startswith(("[TOOL_CALLS]", "functools[")):  # Python by chance
        return None
    label = _LABEL.match(text)
    program = program_as_it_is(text[label.end() :] if label else text)
    if program is None or has_statement(program):
        return program
    # Comments alone: a program, unless they are a form's headings, or hide it because a line end is written out.
    return None if _SECTION_LINE.search(program) or seems_escaped(program) else program


def _may_be_meant_as_it_is(text: str) -> bool:
    """Whether a text that seems to be escaped may have a program or value in it that is not."""
    if section := _CODE_SECTION.search(text):
        return not begins_escaped(text[section.end() :])
    return _MEANT_AS_IT_IS.search(text) is not None


def _as_meant(value: str) -> str:
    """An announced call, without written-out quotes if it is none with them."""
    return value if "\\" not in value or parses(value) else unescaped(value)


def _stands_in(text: str, program: str) -> bool:
    """Whether a program parses and has its first line end from the text, not from a written-out one."""
    end = text.find(line := program.partition("\n")[0]) + len(line)
    return (text[end:].lstrip(" \t")[:1] in ("", "\n", "`")) and parses(program)


def _of_data(data: DataAnswer, functions: frozenset[str], depth: int) -> Reading | None:
    """The reading of a text that is a value."""
    announced, program, place = _announced_in([data]), *_program_in([data])
    if announced or program:
        return Reading(tuple(announced), program, place)
    for text in data.texts[:_MAX_TEXTS] if depth < _MAX_TEXTS else ():
        reading = read(text, functions, depth + 1)
        if reading.announced or "(" in (reading.program or reading.prose):
            return replace(reading, note=reading.note + IN_A_VALUE)
    return None


def _announced_in(data: list[DataAnswer], marked: list[ToolCall] | None = None) -> list[tuple[str, list[str]]]:
    tools = [*(marked or []), *(tool for one in data for tool in one.tools)]
    sources = [tool.source for tool in tools if not tool.is_program]
    calls = [call for one in data for call in one.calls]
    return [(shape, texts) for shape, texts in (("tool call", sources), ("dict", calls)) if texts]


def _program_in(data: list[DataAnswer], marked: list[ToolCall] | None = None) -> tuple[str | None, str]:
    """The program in values: an entry, what an interpreter is to run, or the tool calls themselves."""
    entry = next((one.program for one in data if one.program), None)
    if entry is not None:
        return _cut(as_program(entry)[0]), "code entry"
    tools = [*(marked or []), *(tool for one in data for tool in one.tools)]
    programs = [as_program(tool.source)[0] for tool in tools if tool.is_program]
    sources = programs or [tool.source for tool in tools]
    return (_cut("\n".join(sources)), "tool call") if sources else (None, "")


def _cut(program: str) -> str | None:
    return program[:MAX_PROGRAM] or None


def _read_mixed(text: str, functions: frozenset[str], depth: int) -> Reading:
    """Takes apart a text that is neither a program nor a value as a whole."""
    document = read_markdown(text) if may_have_fences(text) else Document([], [], [])
    blocks = python_blocks(document.fenced)
    rest = _without(text, blocks)
    marked = marked_calls(rest)
    section = _CODE_SECTION.search(rest)
    data = _embedded(rest[: section.start()] if section else rest, marked, functions)
    sections = _values(rest, _CALL_SECTION, _NEXT_SECTION)
    announced = [("section", sections)] if sections else []
    announced += _announced_in(data, marked)
    if not any(one.calls for one in data) and (entries := _values(rest, _CALL_ENTRY, _NEXT_ENTRY)):
        announced.append(("dict", entries))
    # A complete call of a dotted name with a text in it: what is no more than mentioned has no arguments.
    spans = [span for span, _ in document.spans if _CALL_SPAN.search(span) and parses(span)]
    program, place, prose = _program(rest, blocks, data, marked)
    if program is None:
        for one in data if not announced else ():
            if reading := _of_data(one, functions, depth):
                return reading
        foreign = [block for block in document.fenced if is_foreign(block)]
        program, place, prose = _unmarked_program(_without(rest, foreign), document)
        prose = rest if program is None else prose
    return Reading(tuple(announced), program, place, prose, spans)


def _embedded(text: str, marked: list[ToolCall], functions: frozenset[str]) -> list[DataAnswer]:
    """The values in a text, but for those of its marked tool calls and those of a program."""
    data = embedded_data(text, functions)
    if data and text[:1] not in "{[" and is_code(text):
        return []
    return [one for one in data if not any(tool.start <= one.start < tool.end for tool in marked)]


def _without(text: str, blocks: list[Block]) -> str:
    if not blocks:
        return text
    lines = text.split("\n")
    for block in blocks:
        lines[block.start : block.end] = [""] * len(lines[block.start : block.end])
    return "\n".join(lines)


def _values(text: str, start: re.Pattern[str], end: re.Pattern[str]) -> list[str]:
    """The values of the answer's sections, or of the entries of its dictionary."""
    return [_until(text, match.end(), end)[0] for match in itertools.islice(start.finditer(text), MAX_SECTIONS)]


def _until(text: str, start: int, end: re.Pattern[str]) -> tuple[str, int]:
    match = end.search(text, start)
    stop = match.start() if match else len(text)
    value = text[start:stop].strip().rstrip(", \t\r\n")
    return (value.strip("'\"").strip() if value[:1] in ("'", '"') else value), stop


def _program(
    text: str, blocks: list[Block], data: list[DataAnswer], marked: list[ToolCall]
) -> tuple[str | None, str, str]:
    """The program that an answer marks as such, where it stood, and the text without it."""
    if match := _CODE_SECTION.search(text):
        line = text.count("\n", 0, match.end())
        if behind := [block for block in blocks if block.start >= line]:
            return _joined(behind), "code section", text
        program, is_program = _section_program(text[match.end() :])
        return _cut(program), "code section", _prose(text, match.start(), len(text), program, is_program)
    if any(one.program for one in data):
        return *_program_in(data), _less_data(text, data)
    if (match := _CODE_ENTRY.search(text)) and (text[:1] in "{['\"\\" or not is_code(text)):
        value, end = _until(text, match.end(), _NEXT_ENTRY)
        program, is_program = as_program(value)
        return _cut(program), "code entry", _prose(text, match.start(), end, program, is_program)
    if blocks:
        return _joined(blocks), "fence", text
    program_of_tools, place = _program_in(data, marked)
    return program_of_tools, place, _less_data(text, data) if program_of_tools else text


def _prose(text: str, start: int, end: int, program: str, is_program: bool) -> str:
    """The text around a program; with it, where it is no code at all."""
    return text[:start] + "\n" + text[end:] if is_program or is_code(program) else text


def _less_data(text: str, data: list[DataAnswer]) -> str:
    for one in reversed(data):
        text = text[: one.start] + "\n" + text[one.end :]
    return text


def _section_program(value: str) -> tuple[str, bool]:
    program, is_program = as_program(value)
    if not is_program and (following := _SECTION_LINE.search(value)):
        shorter, is_shorter_program = as_program(value[: following.start()])
        if is_shorter_program:
            return shorter, True
    return program, is_program


def _joined(blocks: list[Block]) -> str | None:
    return _cut("\n".join(block.content for block in blocks).strip())


def _unmarked_program(text: str, document: Document) -> tuple[str | None, str, str]:
    """The program in a text that marks none: indented, in an element of HTML, alone in backticks, or bare."""
    if not document.indented and may_have_indented_code(text):
        document = read_markdown(text)
    indented = [block._replace(content=as_program(block.content)[0]) for block in document.indented]
    if blocks := [block for block in python_blocks(indented) if parses(block.content.strip())]:
        return _joined(blocks), "indented block", _without(text, blocks)
    if element := _ELEMENT.search(text):
        content = text[element.end() :].partition(f"</{element['tag']}")[0]
        content = _ELEMENT.sub("", content)
        for candidate in (content, html.unescape(content)):
            program, is_program = as_program(candidate)
            if is_program and has_statement(program):
                return _cut(program), "element", text[: element.start()]
    alone = [span for span, is_alone in document.spans if is_alone and "(" in span and parses(span)]
    if len(alone) == 1:
        return _cut(alone[0]), "inline code", text.replace(alone[0], "", 1)
    return _bare(text)


def _bare(text: str) -> tuple[str | None, str, str]:
    """A program without any mark: from its first import or prompt on, or a text that is code up to where it was cut."""
    if (text[:1] not in "{[<'\"" or text.startswith(('"""', "'''"))) and can_begin_program(text) and is_code(text):
        program, is_program = as_program(text)
        return _cut(program), "code", text.partition(program)[2] if is_program else ""
    starts = itertools.islice(_FIRST_IMPORT.finditer(text), MAX_SECTIONS)
    lines = ((match.start(), text[match.start() : match.start() + 400].partition("\n")[0]) for match in starts)
    start = next((start for start, line in lines if not is_prose(line)), -1)
    place = "imports"
    if (prompt := _FIRST_PROMPT.search(text)) and (start < 0 or prompt.start() <= start):
        start, place = prompt.start(), "session"
    if start < 0:
        return None, "", text
    program, _ = as_program(text[start:])
    return _cut(program), place, text[:start]
