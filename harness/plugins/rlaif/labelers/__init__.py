"""Who answers the questions: one labeler a file, one contract."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import ModelError, UsageError
from apigauge.sandboxes.verdict import Sandbox

if TYPE_CHECKING:
    from apigauge.harness.generation.options import ModelOptions

MODELS = ("openai", "hf", "vllm")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is judged.

    Attributes:
        item: the question it answers; a labeler must not look at its reference.
        sample: number of the answer to that question.
        text: the completion.
        finish_reason: why it stopped, as in :class:`~apigauge.harness.generation.Completion`.
    """

    item: Item
    sample: int
    text: str
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True)
class Labels:
    """What a labeler says of one answer.

    Attributes:
        answers: question -> yes or no; None where it was asked and gave no answer that can be read. What a labeler
            cannot know it is not asked.
        verbatim: question -> what was said, once for each time it was asked; of a program's analysis the reason of a
            no.
        unparsable: replies that could not be read.
        retried: questions that were asked more than once.
    """

    answers: dict[str, bool | None]
    verbatim: dict[str, list[str]] = field(default_factory=dict)
    unparsable: int = 0
    retried: int = 0

    @property
    def score(self) -> int | None:
        """The number of yes; None if an answer is missing."""
        return None if None in self.answers.values() else sum(map(bool, self.answers.values()))


class Labeler(Protocol):
    """Answers the questions."""

    def describe(self) -> dict[str, Any]:
        """What the labels depend on, for the manifest: ``kind``, the questions asked, model or code, versions."""
        ...

    def label(
        self, answers: Sequence[Answer], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[tuple[Answer, Labels]]:
        """The answers with their labels, in order, but for those whose (item, sample) is ``done``.

        One that could not be asked about at all is left out.
        """
        ...


def check(spec: str) -> None:
    """Refuses what names no labeler.

    Raises:
        UsageError: it does not.
    """
    kind, _, model = spec.partition(":")
    if spec not in ("static", "execution") and not (kind in MODELS and model):
        raise UsageError(f"labeler {spec!r}: give static, execution, openai:MODEL, hf:ID_OR_PATH or vllm:ID_OR_PATH")


def open_labeler(
    spec: str,
    benchmark: Benchmark,
    *,
    folder: Path | None = None,
    options: "ModelOptions | None" = None,
    sandbox: Sandbox | None = None,
) -> Labeler:
    """The labeler of a name.

    Args:
        spec: ``static``, ``execution``, or a model: ``openai:MODEL``, ``hf:ID_OR_PATH``, ``vllm:ID_OR_PATH``.
        benchmark: whose catalogue says what exists.
        folder: where a model's replies are kept and found again; None keeps them in the cache of completions alone.
        options: for a model; how it is drawn from is the labeler's own.
        sandbox: for ``execution``, which runs the programs there; the caller closes it.

    Raises:
        UsageError: there is no such labeler, or ``execution`` has no sandbox.
        ModelError: the checkpoint or the server cannot be had.
    """
    check(spec)
    if spec == "static":
        from apigauge.harness.plugins.rlaif.labelers.static import Static

        return Static(benchmark)
    if spec == "execution":
        from apigauge.harness.plugins.rlaif.labelers.execution import Execution

        if sandbox is None:
            raise UsageError("labeler execution: it runs the programs, so it needs a sandbox")
        return Execution(benchmark, sandbox)
    from apigauge.harness.plugins.rlaif.labelers.model import Model

    return Model(spec, benchmark, folder, options)


def scores(labeler: Labeler, items: Sequence[Item], completions: Sequence[tuple[int, str]]) -> list[float]:
    """The scores of answers that are drawn in training, from 0 to the number of questions that the labeler is asked.

    Why an answer ended is not known here, and it counts as whole: what a cut one gets is for the training to say.

    Args:
        labeler: who judges.
        items: what was asked.
        completions: pairs of an item's place and an answer.

    Raises:
        ModelError: an answer has no score, since the labeler's replies could not be had or read.
    """
    answers = [Answer(items[at], number, text) for number, (at, text) in enumerate(completions)]
    found = {answer.sample: labels.score for answer, labels in labeler.label(answers)}
    missing = [answer.item.id for answer in answers if found.get(answer.sample) is None]
    if missing:
        raise ModelError(f"{len(missing)} of {len(answers)} answers have no score (items {', '.join(missing[:5])})")
    return [float(found[answer.sample] or 0) for answer in answers]
