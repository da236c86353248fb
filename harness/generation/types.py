"""The contracts of generation: what is asked of a model, what it answers, and who may answer."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from apigauge.benchmarks.types import Benchmark, Item


@dataclass(frozen=True, slots=True)
class Completion:
    """One answer.

    Attributes:
        item: id of the question.
        sample: number of the answer to that question, from 0.
        text: the answer.
        finish_reason: why it stopped: ``stop``, ``length``, or what the backend says.
        prompt_tokens: tokens of the prompt; None where no model was run.
        completion_tokens: tokens of the answer; likewise.
        prompt_sha256: digest of the prompt; None for the benchmark's own.
    """

    item: str
    sample: int
    text: str
    finish_reason: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_sha256: str | None = None


class Generator(Protocol):
    """Whoever answers.

    Attributes:
        problems: what was wrong and did not stop it.
        samples: answers to each item.
        hits: answers that were found in the cache of completions.
        unanswered: answers that could not be had.
    """

    problems: list[str]
    samples: int
    hits: int
    unanswered: int

    def describe(self) -> dict[str, Any]:
        """What the answers depend on, for the manifest: ``spec``, ``kind``, digest or revision, sampling, versions."""
        ...

    def prompts(self, benchmark: Benchmark, items: Sequence[Item]) -> list[str]:
        """The text that is put for each item."""
        ...

    def generate(
        self, benchmark: Benchmark, items: Sequence[Item], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[Completion]:
        """Answers to the items, in any order, but for those whose (item, sample) is ``done``.

        What cannot be had is left out and told in ``problems``.
        """
        ...


class FixedAnswers:
    """What generators have in common that put the benchmark's own prompt and make one answer to it."""

    samples = 1
    hits = 0
    unanswered = 0

    def __init__(self) -> None:
        self.problems: list[str] = []

    def prompts(self, benchmark: Benchmark, items: Sequence[Item]) -> list[str]:
        """The benchmark's own form."""
        return [benchmark.prompt(item) for item in items]


class Answer(NamedTuple):
    """What a model answered.

    Attributes:
        text: without prompt, special tokens and stop text.
        finish_reason: ``stop`` at an end token or a stop text, ``length`` at the longest answer or the context's end.
        prompt_tokens: tokens of the prompt; None where a server does not say.
        completion_tokens: tokens of the answer; likewise.
    """

    text: str
    finish_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None


@dataclass(frozen=True, slots=True)
class Request:
    """One answer to be made."""

    item: str
    sample: int
    prompt: str
    seed: int


class Engine(Protocol):
    """A backend, opened on one model."""

    problems: list[str]

    def describe(self) -> dict[str, Any]:
        """What its answers depend on beside prompt and sampling; the same wherever the run is made."""
        ...

    @property
    def has_chat(self) -> bool:
        """Whether the model, or the server before it, has a chat template."""
        ...

    def chat(self, message: str) -> str:
        """The prompt for a user's message."""
        ...

    def answer(self, requests: Sequence[Request], style: str) -> Iterator[tuple[Request, Answer]]:
        """Answers in any order, as they are made; what cannot be had is left out and told in ``problems``.

        Args:
            requests: all there are to be made.
            style: the prompts' style; of ``chat`` the template has put its special tokens into the prompt.

        Raises:
            UsageError: a prompt leaves no room for an answer; raised before any is made.
        """
        ...
