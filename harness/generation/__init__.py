"""From items to completions: one file per backend, one contract."""

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError


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
    """

    item: str
    sample: int
    text: str
    finish_reason: str = "stop"
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Generator(Protocol):
    """A backend, opened on one model."""

    problems: list[str]

    def describe(self) -> dict[str, Any]:
        """What the answers depend on, for the manifest: ``spec``, ``kind``, digest or revision, sampling, versions."""
        ...

    def generate(
        self, benchmark: Benchmark, items: Sequence[Item], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[Completion]:
        """Answers to the items, in any order, but for those whose (item, sample) is ``done``.

        What cannot be had is left out and told in ``problems``.
        """
        ...


def open_generator(spec: str) -> Generator:
    """The generator a ``--model`` names.

    Raises:
        UsageError: the kind is unknown or its argument makes no sense.
        ResponsesError: a file of answers cannot be read.
    """
    kind, colon, argument = spec.partition(":")
    if kind not in _KINDS or not colon:
        forms = ", ".join(f"{name}:{form}" for name, (form, _) in _KINDS.items())
        raise UsageError(f"--model {spec!r}: the forms are {forms}")
    return _KINDS[kind][1](argument)


def _replay(argument: str) -> Generator:
    from apigauge.harness.generation.replay import Replay

    return Replay(argument)


def _constant(argument: str) -> Generator:
    from apigauge.harness.generation.constant import Constant

    return Constant(argument)


def _retrieval(argument: str) -> Generator:
    from apigauge.harness.generation.retrieval import Retrieval

    return Retrieval(argument)


_KINDS: dict[str, tuple[str, Callable[[str], Generator]]] = {
    "replay": ("FILE", _replay),
    "constant": ("TEXT", _constant),
    "retrieval": ("bm25", _retrieval),
}
