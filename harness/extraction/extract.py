r"""From a completion's text to the call and the program in it.

Answers come as ``<<<api_call>>>: ...`` sections, as Python dictionaries whose inner quotes are not escaped, as fenced
blocks, as bare code, as prose around a call, with ``\n`` and ``\"`` written out, and cut off in the middle. Every
shape is tried in the order of how plainly it says what it is; ``how`` names the one that held.
"""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from apigauge.harness.extraction.call_scan import CallSpan, comments_and_strings, find_calls, imports, resolve
from apigauge.harness.extraction.syntax import MAX_PROGRAM, parses

MAX_TEXT = 1_000_000

_NO_CALL = ", no call"
_OTHER = 3  # rank of a call that is not catalogue-like

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
# What a program loads beside its model, or wraps around it; the call asked for is the other one.
_COMPANION = re.compile(r"(?:Tokenizer\w*|Processor|FeatureExtractor|Config|Scheduler|Sequential)(?:\.\w+)?$")
_SEED = re.compile(r"_seed$")


@dataclass(frozen=True, slots=True)
class Extraction:
    """What was found in a completion.

    Attributes:
        text: the completion itself (what ``ast.gorilla`` reads).
        call: source of the one call the answer proposes; None if it proposes none.
        program: the program around it; None if there is none.
        how: where the call was found and what was done to the text, e.g. ``section`` or ``dict, unescaped``.
    """

    text: str
    call: str | None
    program: str | None
    how: str


def extract(text: str, functions: frozenset[str] = frozenset()) -> Extraction:
    """Finds the call and the program in a completion. Never raises.

    Args:
        text: the completion.
        functions: dotted names of the catalogue's functions; a call of one of these, or of another function with the
            same last part, is preferred to other calls around it. In prose nothing else counts as a call.
    """
    if len(text) > MAX_TEXT:
        return Extraction(text, None, None, "too long")
    plain, unescaped = _unescape(text)
    program, program_how = _program(plain)
    names = imports(program or "")
    call, how = _from_sections(plain, names, functions)
    if (call is None or how.endswith(_NO_CALL)) and program is not None:
        # A section that holds no call ("import torch") yields to a program that calls the catalogue.
        found = _pick(program, names, functions, any_call=call is None, skip=comments_and_strings(program))
        call, how = (found, program_how) if found else (call, how)
    if call is None and program_how != "code":
        call, how = _pick(plain, names, functions, any_call=False), "prose"
    if call is None:
        how = "nothing"
    return Extraction(text, call, program, f"{how}, unescaped" if unescaped else how)


def _unescape(text: str) -> tuple[str, bool]:
    """Turns written-out line ends and quotes into real ones where they stand for the answer's own."""
    if text.count("\\n") > text.count("\n"):
        text = _ESCAPED_TAB.sub("\t", _ESCAPED_LINE_END.sub("\n", text))
        return _ESCAPED_QUOTE.sub(r"\1", text), True
    if _STRAY_ESCAPE.search(text):
        return _ESCAPED_QUOTE.sub(r"\1", text), True
    return text, False


def _from_sections(text: str, names: dict[str, str], functions: frozenset[str]) -> tuple[str | None, str]:
    for start, end, how in ((_CALL_SECTION, _NEXT_SECTION, "section"), (_CALL_ENTRY, _NEXT_ENTRY, "dict")):
        values = [_until(text, found.end(), end) for found in itertools.islice(start.finditer(text), MAX_SECTIONS)]
        for value in values:
            if call := _pick(value, names, functions, any_call=True):
                return call, how
        if values and values[0]:
            return values[0], how + _NO_CALL
    return None, ""


def _until(text: str, start: int, end: re.Pattern[str]) -> str:
    found = end.search(text, start)
    value = text[start : found.start() if found else len(text)].strip().rstrip(", \t\r\n")
    return value.strip("'\"").strip() if value[:1] in ("'", '"') else value


def _pick(
    text: str, names: dict[str, str], functions: frozenset[str], *, any_call: bool, skip: Sequence[range] = ()
) -> str | None:
    """The first call of a catalogue-like function that is no companion, else of a companion, else of anything."""

    def rank(span: CallSpan) -> int:
        callee = resolve(span.callee, names)
        if not any(_is_catalogue_like(name, functions) for name in (span.callee, callee)):
            return _OTHER
        return 2 if _SEED.search(callee) else 1 if _COMPANION.search(callee) else 0

    spans = [span for span in find_calls(text) if all(span.start not in stretch for stretch in skip)]
    ranked = sorted(((rank(span), span.start, span) for span in spans), key=lambda entry: entry[:2])
    if not ranked or (ranked[0][0] == _OTHER and not any_call):
        return None
    best = ranked[0][2]
    return text[best.start : best.end].strip()


@lru_cache(maxsize=16)
def _parts(functions: frozenset[str]) -> tuple[frozenset[str], frozenset[str]]:
    """The last parts of dotted names, and the parts before them."""
    split = [name.split(".") for name in functions]
    return frozenset(parts[-1] for parts in split), frozenset(parts[-2] for parts in split if len(parts) > 1)


def _is_catalogue_like(callee: str, functions: frozenset[str]) -> bool:
    """Whether a callee ends as a catalogue function does: ``Made.from_pretrained`` may be, ``np.load`` is not."""
    lasts, parents = _parts(functions)
    *before, last = callee.split(".")
    if not before:
        return last in functions
    return last in lasts and (before[-1] in parents or not before[-1][:1].islower())


def _program(text: str) -> tuple[str | None, str]:
    """The program in a text and where it was found."""
    if found := _CODE_SECTION.search(text):
        value = text[found.end() :]
        return _clean(_fenced(value) or value), "code section"
    if found := _CODE_ENTRY.search(text):
        return _clean(_until(text, found.end(), _NEXT_ENTRY)), "code entry"
    if fenced := _fenced(text):
        return _clean(fenced), "fence"
    if parses(text):
        return _clean(text), "code"
    if found := _FIRST_IMPORT.search(text):
        return _clean(text[found.start() :]), "imports"
    return None, ""


def _fenced(text: str) -> str | None:
    """The Python blocks of a text, one after the other: imports and call may stand in two."""
    blocks = [
        found[2]
        for found in itertools.islice(_FENCE.finditer(text), MAX_SECTIONS)
        if found[1].casefold() in _PYTHON_TAGS and not _SHELL.match(found[2])
    ]
    return "\n".join(blocks) or None


def _clean(program: str) -> str | None:
    program = program.strip()
    if program.endswith(('"', "'")) and not parses(program):
        program = program.rstrip("'\"").rstrip()
    return _python_of(program)[:MAX_PROGRAM] or None


def _python_of(program: str) -> str:
    """What Python is given of a text that is no program, if that is one: no notebook's lines, no words before it."""
    if parses(program):
        return program
    kept = "\n".join(line for line in program.split("\n") if not _NOTEBOOK_LINE.match(line)).strip()
    first = _FIRST_IMPORT.search(kept)
    candidates = [kept, kept[first.start() :]] if first else [kept]
    return next((text for text in candidates if parses(text)), program)
