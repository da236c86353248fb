r"""Finds the call and the program in an answer: what was found in its text, and how.

Answers come as ``<<<api_call>>>: ...`` sections, as JSON and as Python dictionaries whose inner quotes are not escaped,
as tool calls, as Markdown, as bare code, as prose around a call, with ``\n`` and ``\"`` written out, and cut off in the
middle. :mod:`~.reading` finds what an answer has of each shape; here the most explicit that has a call counts, and
``how`` names it.
"""

from dataclasses import dataclass, field

from apigauge.harness.extraction.answer_call import program_call
from apigauge.harness.extraction.call_scan import choose_call, imports
from apigauge.harness.extraction.program_text import with_plain_quotes
from apigauge.harness.extraction.reading import IN_A_VALUE, Reading, read
from apigauge.harness.extraction.reasoning import separate
from apigauge.harness.extraction.reasoning_tags import Reasoning

MAX_TEXT = 1_000_000

_NO_CALL = ", no call"


@dataclass(frozen=True, slots=True)
class Extraction:
    """What extraction found in a completion.

    Attributes:
        text: the completion itself (what ``ast.gorilla`` reads).
        call: source of the one call the answer proposes; None if it proposes none.
        program: the program around it; None if there is none.
        how: where the call was found and what was done to the text, e.g. ``section`` or ``dict, unescaped``. Announced
            calls: ``section``, ``tool call``, ``dict`` (of JSON, too), each with ``, no call`` if it holds none.
            Programs: ``code section``, ``code entry``, ``fence``, ``tool call``, ``indented block``, ``element`` (of
            HTML), ``inline code``, ``code`` (the text itself), ``session``, ``imports`` (from its first import on).
            Else ``prose``, ``inline code``, ``nothing``, ``too long``. Then ``, unescaped``, ``, in a value`` (a text
            within JSON) and ``, without reasoning``.
        imports: what the names that the program imports stand for, see :func:`~.call_scan.imports`.
        reasoning: what the model wrote before it answered, in which nothing was looked for; empty if nothing.
        unfinished: why the answer has no end: ``reasoning`` if it ends inside its reasoning, ``length`` if its tokens
            ran out; empty if it has one.
        answer: the completion without its reasoning.
    """

    text: str
    call: str | None
    program: str | None
    how: str
    imports: dict[str, str] = field(default_factory=dict, repr=False, compare=False)
    reasoning: str = ""
    unfinished: str = ""
    answer: str = field(default="", repr=False, compare=False)


_STRIP = Reasoning()


def extract(
    text: str, functions: frozenset[str] = frozenset(), reasoning: Reasoning = _STRIP, question: str = ""
) -> Extraction:
    """Finds the call and the program in a completion. Never raises.

    Args:
        text: the completion.
        functions: dotted names of the catalogue's functions; a call of one of these, or of another function with the
            same last part, is preferred to other calls around it. In prose nothing else counts as a call.
        reasoning: how the reasoning is recognised; by default by every tag that is in use.
        question: what is answered; a call in a program that stands in the question as well is no answer to it, unless
            there is no other.
    """
    if len(text) > MAX_TEXT:
        return Extraction(text, None, None, "too long")
    parts = separate(text, reasoning)
    reading = read(parts.answer, functions)
    names = imports(reading.program or "")
    call, how = _choose(reading, names, functions, question)
    if call is None:
        how = "nothing"
    else:
        call = with_plain_quotes(call)
    note = reading.note if call is not None else reading.note.replace(IN_A_VALUE, "")
    how += note + (", without reasoning" if parts.reasoning else "")
    unfinished = "" if parts.is_closed else "reasoning"
    return Extraction(text, call, reading.program, how, names, parts.reasoning, unfinished, parts.answer)


def _choose(
    reading: Reading, names: dict[str, str], functions: frozenset[str], question: str
) -> tuple[str | None, str]:
    """The call that a reading of an answer proposes, and where it stood."""
    call, how = None, "nothing"
    for shape, values in reading.announced:
        calls = (choose_call(value, names, functions, any_call=True) for value in values)
        call, how = next(((call, shape) for call in calls if call), (values[0] or None, shape + _NO_CALL))
        if call:
            break
    if (call is None or how.endswith(_NO_CALL)) and reading.program is not None:
        # A section that holds no call ("import torch") yields to a program that calls the catalogue.
        choice = program_call(reading.program, names, functions, any_call=call is None, question=question)
        call, how = (choice, reading.place) if choice else (call, how)
    if call is None and reading.prose:
        call, how = choose_call(reading.prose, names, functions, any_call=False, mentions=False), "prose"
    if call is None and reading.program is None:
        spans = (choose_call(span, names, functions, any_call=True, mentions=False) for span in reading.spans)
        call, how = next((call for call in spans if call), None), "inline code"
    return call, how
