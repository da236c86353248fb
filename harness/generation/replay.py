"""``replay:FILE``: answers that exist already: in upstream's form, as ``generations.jsonl`` of a run, or OpenAI's.

``replay:-`` reads them from standard input.
"""

import hashlib
import json
import sys
from collections.abc import Collection, Iterator, Sequence
from io import BytesIO
from pathlib import Path
from typing import IO, Any

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import ResponsesError
from apigauge.harness.generation.chat_completion import read_choice
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.types import Completion, FixedAnswers

# What a line may call the question that it answers.
_KEYS = ("item", "question_id", "custom_id")
# As a file's name: the answers come from standard input.
STANDARD_INPUT = "-"


def open_generator(argument: str, options: ModelOptions) -> "Replay":  # noqa: ARG001 - no model is run
    """The backend ``replay:``."""
    return Replay(argument)


class Replay(FixedAnswers):
    """Answers from a file of JSON lines.

    Each line has ``text`` and either ``item`` (and perhaps ``sample``) or upstream's ``question_id``. In place of
    ``text`` it may have what a server of OpenAI's protocol returns: ``choices``, as a line of a batch's output has it
    in ``response``, whose ``custom_id`` is then the item; each choice is a sample. A line that cannot be used is
    skipped and reported in ``problems``; the others are scored.
    """

    def __init__(self, file: str) -> None:
        self._path = Path(file)
        # Standard input can be read only once, and is read as often as a file. Python has none if it was closed.
        self._input = (sys.stdin.buffer.read() if sys.stdin else b"") if file == STANDARD_INPUT else None
        self._name = "standard input" if file == STANDARD_INPUT else self._path.name
        super().__init__()
        if self._input is None and not self._path.is_file():
            raise ResponsesError(f"{file}: there is no such file of answers")
        self.samples = 1 + max((completion.sample for _, completion in self._lines()), default=0)

    def describe(self) -> dict[str, Any]:
        """The file's name and digest."""
        digest = hashlib.sha256()
        with self._open() as file:
            while block := file.read(1 << 20):
                digest.update(block)
        return {"spec": f"replay:{self._path.name}", "kind": "replay", "digest": digest.hexdigest()}

    def generate(
        self, benchmark: Benchmark, items: Sequence[Item], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[Completion]:
        """The file's answers to the items, in the file's order.

        Raises:
            ResponsesError: not one line of the file answers an item of the benchmark.
        """
        self.problems.clear()
        of_benchmark, requested = {item.id for item in benchmark.items}, {item.id for item in items}
        answered: set[tuple[str, int]] = set()
        for number, completion in self._lines():
            key = (completion.item, completion.sample)
            if completion.item not in of_benchmark:
                self._problem(number, f"{benchmark.name} has no item {completion.item!r}")
            elif key in answered:
                self._problem(number, f"a second answer to item {completion.item!r}; the first one counts")
            else:
                answered.add(key)
                if completion.item in requested and key not in done:
                    yield completion
        if not answered:
            first = f" The first problem: {self.problems[0]}" if self.problems else " It is empty."
            source = self._path if self._input is None else self._name
            raise ResponsesError(f"{source}: no line of it answers a question of {benchmark.name}.{first}")

    def _open(self) -> IO[bytes]:
        return self._path.open("rb") if self._input is None else BytesIO(self._input)

    def _lines(self) -> Iterator[tuple[int, Completion]]:
        with self._open() as file:
            for number, line in enumerate(file, 1):
                for completion in self._parse(number, line) if line.strip() else ():
                    yield number, completion

    def _parse(self, number: int, line: bytes) -> list[Completion]:
        try:
            text = line.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            self._problem(number, f"byte {error.start} is not UTF-8; it is read as U+FFFD")
            text = line.decode("utf-8", "replace")
        try:
            row = json.loads(text)
        except (ValueError, RecursionError) as error:
            self._problem(number, f"not JSON ({error}); is the line torn? It is left out")
            return []
        names = (name for name in _KEYS if isinstance(row, dict) and row.get(name) is not None)
        key = row[name] if (name := next(names, None)) else None
        if key is None or isinstance(key, (dict, list)):
            self._problem(number, "neither `item` nor `question_id`; it is left out")
            return []
        sample = row["sample"] if isinstance(row.get("sample"), int) else 0
        if row.get("text", "") is None and row.get("finish_reason"):  # a server's `content: null`
            row["text"] = ""
        if isinstance(row.get("text"), str):
            return [_completion(str(key), sample, row["text"], row)]
        try:
            return _of_protocol(str(key), sample, row)
        except (LookupError, TypeError, AttributeError):
            refusal = _error_of(row)
            reason = f"is an error of the server: {refusal}" if refusal else "has no `text`"
            self._problem(number, f"the answer to item {str(key)!r} {reason}; it is left out")
            return []

    def _problem(self, number: int, what: str) -> None:
        self.problems.append(f"{self._name}, line {number}: {what}")


def _completion(item: str, sample: int, text: str, row: dict[str, Any]) -> Completion:
    """An answer whose reason, counts and reasoning are those of a row."""
    reasoning = row.get("reasoning") or row.get("reasoning_content")
    return Completion(
        item,
        sample,
        _unicode(text),
        str(row.get("finish_reason") or "stop"),
        _count(row.get("prompt_tokens")),
        _count(row.get("completion_tokens")),
        reasoning=_unicode(reasoning) if isinstance(reasoning, str) else "",
    )


def _of_protocol(item: str, sample: int, row: dict[str, Any]) -> list[Completion]:
    """The answers in a response of OpenAI's protocol, or in a line of a batch's output.

    Raises:
        LookupError: it has none.
        TypeError: it has another shape.
        AttributeError: likewise.
    """
    body = row["response"]["body"] if "response" in row else row
    choices = body["choices"]
    if not isinstance(choices, list) or not choices:
        raise LookupError("there is no choice")
    answers = [read_choice(choice, body.get("usage") if len(choices) == 1 else None) for choice in choices]
    return [_completion(item, sample + number, answer.text, answer._asdict()) for number, answer in enumerate(answers)]


def _error_of(row: dict[str, Any]) -> str:
    """The error that a response or a line of a batch holds in place of an answer; empty if there is none."""
    response = row.get("response")
    body = response.get("body") if isinstance(response, dict) else row
    for holder in (row, body):
        error = holder.get("error") if isinstance(holder, dict) else None
        if isinstance(error, dict):
            error = error.get("message") or error.get("code")
        if isinstance(error, str) and error.strip():
            return " ".join(_unicode(error).split())[:200]
    return ""


def _unicode(text: str) -> str:
    """A text without halves of surrogate pairs, which no file may hold."""
    return text.encode("utf-8", "replace").decode("utf-8")


def _count(value: object) -> int | None:
    return value if isinstance(value, int) else None
