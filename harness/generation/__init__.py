"""From items to completions: one file per backend, one contract."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError

if TYPE_CHECKING:
    from apigauge.harness.generation.options import ModelOptions


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


class Answers:
    """What generators have in common that put the benchmark's own prompt and make one answer to it."""

    samples = 1
    hits = 0
    unanswered = 0

    def __init__(self) -> None:
        self.problems: list[str] = []

    def prompts(self, benchmark: Benchmark, items: Sequence[Item]) -> list[str]:
        """The benchmark's own form."""
        return [benchmark.prompt(item) for item in items]


def open_generator(spec: str, options: "ModelOptions | None" = None) -> Generator:
    """The generator a ``--model`` names.

    Args:
        spec: as on the command line.
        options: for the kinds that run a model.

    Raises:
        UsageError: the kind is unknown or its argument makes no sense.
        ModelError: the checkpoint or the server cannot be had.
        ResponsesError: a file of answers cannot be read.
    """
    kind, colon, argument = spec.partition(":")
    if kind not in FORMS or not colon or not argument:
        forms = ", ".join(f"{name}:{form}" for name, form in FORMS.items())
        raise UsageError(f"--model {spec!r}: the forms are {forms}")
    if kind == "replay":
        from apigauge.harness.generation.replay import Replay

        return Replay(argument)
    if kind == "constant":
        from apigauge.harness.generation.constant import Constant

        return Constant(argument)
    if kind == "retrieval":
        from apigauge.harness.generation.retrieval import Retrieval

        return Retrieval(argument)
    from apigauge.harness.generation.options import ModelOptions, open_model

    return open_model(kind, argument, options or ModelOptions())


FORMS = {
    "hf": "ID_OR_PATH[@REVISION]",
    "vllm": "ID_OR_PATH[@REVISION]",
    "openai": "MODEL",
    "replay": "FILE",
    "constant": "TEXT",
    "retrieval": "bm25",
}
