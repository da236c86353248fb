"""The files that a batch leaves: a line for each request, in any order, with a response or an error.

A server may leave lines out, write one twice, or write what is no line of the protocol: each is counted, and no answer
is taken for another request's than its ``custom_id`` says.
"""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from apigauge.harness.generation.chat_completion import read_choice
from apigauge.harness.generation.openai_connection import RETRIED, message_of
from apigauge.harness.generation.types import Answer


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request has no answer.

    Attributes:
        status: of the response; 0 if there was none.
        error: the response's body, or the line's error.
        reason: in words.
        is_final: whether the same request would fail again.
    """

    status: int
    error: Any
    reason: str
    is_final: bool


@dataclass(slots=True)
class Output:
    """What the files of a batch hold.

    Attributes:
        paths: of the files; the one with the answers first.
        batch: the batch's id, for messages.
        requests: the custom ids that the batch had.
        stop: texts before which an answer ends.
        failures: by custom id, of requests without an answer; complete once all answers were read.
        problems: of lines that are none; likewise.
    """

    paths: Sequence[Path]
    batch: str
    requests: Collection[str]
    stop: tuple[str, ...]
    failures: dict[str, Failure] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)

    def answers(self) -> Iterator[tuple[str, Answer]]:
        """Each request's first answer, by custom id."""
        answered: set[str] = set()
        odd: Counter[str] = Counter()
        for line in self._lines():
            name, result = _read(line, self.stop)
            if name not in self.requests:
                odd["of no request of it" if name else "not of the protocol"] += 1
            elif name in answered:
                odd["of a request that has an answer already"] += 1
            elif isinstance(result, Answer):
                answered.add(name)
                self.failures.pop(name, None)
                yield name, result
            else:
                self.failures.setdefault(name, result)
        for what, number in odd.items():
            self.problems.append(f"batch {self.batch}: {number} {'line' if number == 1 else 'lines'} {what}: left out")

    def _lines(self) -> Iterator[bytes]:
        for path in self.paths:
            with path.open("rb") as file:
                yield from (line for line in file if line.strip())


def read_output(paths: Sequence[Path], batch: str, requests: Collection[str], stop: tuple[str, ...]) -> Output:
    """The output in these files."""
    return Output(paths, batch, frozenset(requests), stop)


def _read(line: bytes, stop: tuple[str, ...]) -> tuple[str, Answer | Failure]:
    """The custom id of a line, empty if it has none, and what it says of that request."""
    try:
        row = json.loads(line)
        name = row["custom_id"]
        if not isinstance(name, str):
            raise TypeError("custom_id is no text")  # noqa: TRY301 - the same as a line without one
    except (ValueError, RecursionError, LookupError, TypeError):
        return "", Failure(0, None, "a line that is not the protocol's", is_final=False)
    response, error = row.get("response"), row.get("error")
    if not isinstance(response, dict):
        said = message_of(error) or (str(error.get("code", "")) if isinstance(error, dict) else "")
        return name, Failure(0, error, said or "a line without a response", is_final=False)
    status = response.get("status_code", 200)
    body: Any = response.get("body")
    if status == 200:
        try:
            return name, read_choice(body["choices"][0], body.get("usage"), stop)
        except (LookupError, TypeError, AttributeError) as problem:
            said = f"an answer that is not the protocol's ({type(problem).__name__}): {message_of(body)}".rstrip(": ")
            return name, Failure(200, body, said, is_final=False)
    status = status if isinstance(status, int) else 0
    is_final = 300 <= status < 500 and status not in RETRIED
    return name, Failure(status, body, f"HTTP {status}: {message_of(body)}".rstrip(": "), is_final)
