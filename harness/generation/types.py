"""The contracts of generation: a request to a model, its answer, and the two interfaces of what answers.

A :class:`Generator` answers a benchmark's items; every ``--model`` is one. An :class:`Engine` answers requests;
``model_generator.py`` makes a generator of it, with prompts, seeds and the cache of completions.
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

from apigauge.benchmarks.types import Benchmark, Item

if TYPE_CHECKING:
    from apigauge.harness.generation.sampling import Sampling


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
        reasoning: what the model wrote before the answer, where a server returns it apart from the text.
        cached: whether it is an earlier run's, from the cache of completions, so that it cost nothing.
        batch: whether it came from a batch, which has a price of its own.
        document: what a retriever added to the prompt; only with the first answer to a question, as all have the same.
    """

    item: str
    sample: int
    text: str
    finish_reason: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_sha256: str | None = None
    reasoning: str = ""
    cached: bool = False
    batch: bool = False
    document: str = ""


class Generator(Protocol):
    """What answers a benchmark's items.

    What was learned while answering (fields that a server refuses) is in :meth:`describe` from then on.

    Attributes:
        problems: what went wrong without stopping it, one sentence each.
        samples: answers to each item.
        hits: answers taken from the cache of completions.
        unanswered: answers that are missing because the model or its server failed.
    """

    problems: list[str]
    samples: int
    hits: int
    unanswered: int

    def describe(self) -> dict[str, Any]:
        """What the answers depend on, for the manifest: ``spec``, ``kind``, digest or revision, sampling, versions."""
        ...

    def prompts(self, benchmark: Benchmark, items: Sequence[Item]) -> list[str]:
        """The prompt of each item."""
        ...

    def generate(
        self, benchmark: Benchmark, items: Sequence[Item], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[Completion]:
        """Answers to the items, in any order, except those whose (item, sample) is ``done``.

        Where an answer is unavailable, it is left out and reported in ``problems``.
        """
        ...


@runtime_checkable
class Stoppable(Protocol):
    """A generator whose :meth:`Generator.generate` can be ended from another thread."""

    def stop(self, *, at_once: bool) -> None:
        """Ends the answers that are being generated now; later calls of ``generate`` are not affected.

        Args:
            at_once: drops what is unfinished; otherwise nothing new is begun, and what was begun is still yielded.
        """
        ...


@runtime_checkable
class Recording(Protocol):
    """A generator, or an engine, that keeps a record of what it has begun in the run's folder."""

    def record_in(self, folder: Path) -> None:
        """Keeps it in this folder from now on; called before :meth:`Generator.generate`, while the run is locked."""
        ...


class Stop:
    """Whether the answers of one call are to end early: set by one thread, read by another."""

    def __init__(self) -> None:
        self.is_set = self.is_at_once = False

    def set(self, *, at_once: bool) -> None:
        """Nothing new is begun from now on; with ``at_once`` nothing is finished either."""
        self.is_at_once |= at_once
        self.is_set = True


class FixedAnswers:
    """Base of the generators that run no model: the benchmark's own prompt, one answer to each item."""

    samples = 1
    hits = 0
    unanswered = 0

    def __init__(self) -> None:
        self.problems: list[str] = []

    def prompts(self, benchmark: Benchmark, items: Sequence[Item]) -> list[str]:
        """The benchmark's own prompts."""
        return [benchmark.prompt(item) for item in items]


class Answer(NamedTuple):
    """A model's answer to one request.

    Attributes:
        text: without prompt, special tokens and stop text.
        finish_reason: ``stop`` at an end token or a stop text, ``length`` at the limit of the answer or the context.
        prompt_tokens: tokens of the prompt; None where a server does not report them.
        completion_tokens: tokens of the answer; likewise.
        reasoning: what the model wrote before the answer, where a server returns it apart from the text.
        left_out: the fields of the request that the server refused, so that it chose their values itself.
        renamed: the fields that it wants under other names: pairs of the usual name and the other one.
        batch: whether it came from a batch.
        first_tokens: the likeliest first tokens with their log probabilities, where the options ask for them.
    """

    text: str
    finish_reason: str
    prompt_tokens: int | None
    completion_tokens: int | None
    reasoning: str = ""
    left_out: tuple[str, ...] = ()
    renamed: tuple[tuple[str, str], ...] = ()
    batch: bool = False
    first_tokens: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One answer to generate."""

    item: str
    sample: int
    prompt: str
    seed: int


class Engine(Protocol):
    """A model that is ready to answer."""

    problems: list[str]
    # Whether its description decides its answers: not for a server, which may put another model behind a name.
    is_identified: bool

    def describe(self) -> dict[str, Any]:
        """What its answers depend on besides prompt and sampling; the same on every machine."""
        ...

    def sampled(self, sampling: "Sampling") -> "Engine":
        """The same model under another sampling; nothing is loaded again."""
        ...

    @property
    def has_chat(self) -> bool:
        """Whether the model, or the server in front of it, has a chat template."""
        ...

    def chat(self, message: str) -> str:
        """The prompt for a user's message, after the system prompt if there is one."""
        ...

    def answer(self, requests: Sequence[Request], style: str) -> Iterator[tuple[Request, Answer]]:
        """Answers in any order, as they are generated; an unavailable one is left out and reported in ``problems``.

        Args:
            requests: all of them at once.
            style: the prompts' style; in ``chat`` prompts the template's special tokens are already present.

        Raises:
            UsageError: a prompt leaves no room for an answer; raised before the first answer.
        """
        ...

    def stop(self, *, at_once: bool) -> None:
        """As :meth:`Stoppable.stop`, for the answers of :meth:`answer`."""
        ...
