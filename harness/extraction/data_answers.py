"""Answers that are JSON or a Python dictionary: which entry is the call, which the program, which a text to read."""

import itertools
import re
from dataclasses import dataclass, field
from typing import Any

from apigauge.harness.extraction.data_values import decode, whole
from apigauge.harness.extraction.tool_calls import ToolCall, calls_of

MAX_VALUES = 20
_MAX_PARTS = 1_000

_CALLS = frozenset({"api_call", "call", "function_call", "tool_call", "api_calls", "calls"})
_PROGRAMS = frozenset({"code", "program", "python", "script", "snippet", "source", "source_code", "solution_code"})
_TEXTS = frozenset(
    {
        "answer",
        "content",
        "text",
        "response",
        "output",
        "completion",
        "solution",
        "result",
        "final_answer",
        "message",
        "reply",
    }
)
# Not a program's own: an argument, or what it assigns.
_MAY_BEGIN = re.compile(r"(?<![=(])(?<![=(] )(?:\{(?=\s{0,99}['\"])|\[(?=\s{0,99}\{\s{0,99}['\"]))")
# The outer quotes of a text that was encoded once more.
_ENCODED = re.compile(r"\A[{\[]\s{0,99}(?:\\[nrt]|\s){0,99}[{\[]?\s{0,99}\\\\?\"")


@dataclass(slots=True)
class DataAnswer:
    """What a value says of the answer.

    Attributes:
        calls: sources of the announced calls, in order.
        program: the program; None if it has none.
        texts: entries that are texts with an answer of their own.
        tools: tool calls.
        end: where the value ends in the text.
    """

    calls: list[str] = field(default_factory=list)
    program: str | None = None
    texts: list[str] = field(default_factory=list)
    tools: list[ToolCall] = field(default_factory=list)
    start: int = 0
    end: int = 0

    def __bool__(self) -> bool:
        return bool(self.calls or self.program or self.texts or self.tools)


def data_answer(value: Any, functions: frozenset[str]) -> DataAnswer:
    """What a JSON value or Python literal says of the answer; nothing if it is other data."""
    answer = DataAnswer(tools=calls_of(value, functions))
    cells: list[str] = []
    waiting = [value]
    for _ in range(_MAX_PARTS):
        if not waiting:
            break
        part = waiting.pop()
        if isinstance(part, list):
            waiting.extend(reversed([child for child in part[:MAX_VALUES] if isinstance(child, dict | list)]))
        elif isinstance(part, dict):
            if part.get("cell_type") == "code":
                cells.append(_text(part.get("source")))
                continue
            for key, child in part.items():
                _read_entry(answer, re.sub(r"[\s-]", "_", key.casefold()), child)
            waiting.extend(reversed([child for child in part.values() if isinstance(child, dict | list)]))
    if cells:
        answer.program = "\n".join(cells)
    if answer.tools:  # the content of a tool's arguments is no answer
        answer.program, answer.texts = None, []
    return answer


def _text(value: Any) -> str:
    lines = value if isinstance(value, list) else [value]
    ends = "" if any(isinstance(line, str) and line.endswith("\n") for line in lines) else "\n"
    return ends.join(line for line in lines if isinstance(line, str))


def _read_entry(answer: DataAnswer, key: str, value: Any) -> None:
    text = _text(value) if isinstance(value, str | list) else ""
    if not text.strip():
        return
    if key in _CALLS:
        answer.calls.append(text)
    elif (key in _PROGRAMS or key.endswith("_code")) and answer.program is None:
        answer.program = text
    elif key in _TEXTS:
        answer.texts.append(text)


def whole_data(text: str, functions: frozenset[str]) -> DataAnswer | None:
    """What a text says that is one value, encoded once or several times; None if it is not, or says nothing."""
    for _ in range(4):
        if text[:1] not in ("{", "[", '"', "'"):
            return None
        read = _whole_encoded(text) if _ENCODED.match(text) else whole(text)
        if read is None:
            return None
        if not isinstance(read[0], str):
            answer = data_answer(read[0], functions)
            answer.end = len(text)
            return answer or None
        text = read[0].strip()
        if text[:1] not in ("{", "[", '"', "'") or whole(text) is None:
            return DataAnswer(texts=[text]) if text else None
    return None


def _whole_encoded(text: str) -> tuple[Any] | None:
    inner = whole(f'"{text}"')
    return whole(inner[0].strip()) if inner and isinstance(inner[0], str) else None


def embedded_data(text: str, functions: frozenset[str]) -> list[DataAnswer]:
    """The values in a text that say something of the answer. Never raises; linear in the text."""
    answers: list[DataAnswer] = []
    end = 0
    for start in itertools.islice(_MAY_BEGIN.finditer(text), MAX_VALUES):
        if start.start() < end:
            continue
        decoded = decode(text, start.start())
        if decoded is None:
            continue
        answer = data_answer(decoded[0], functions)
        answer.start, answer.end = start.start(), decoded[1]
        if answer:
            answers.append(answer)
            end = decoded[1]
    return answers
