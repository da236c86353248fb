"""The contract of labelers: the answer that is judged, its labels, and the labeler."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from apigauge.benchmarks.types import Item


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to be judged.

    Attributes:
        item: the question; a labeler must not use its reference (the control ``oracle`` does).
        sample: number of the answer to that question.
        text: the completion, verbatim.
        finish_reason: why it stopped, as in :class:`~apigauge.harness.generation.Completion`.
    """

    item: Item
    sample: int
    text: str
    finish_reason: str = "stop"


@dataclass(frozen=True, slots=True)
class Labels:
    """The labels of one answer.

    Attributes:
        answers: question -> yes or no; None if the reply could not be parsed. Questions that a kind of labeler cannot
            answer are missing.
        verbatim: question -> the replies, one for each time it was asked; for an analysis, the reason for a no.
        unparsable: number of replies that could not be parsed.
        retried: number of questions that were asked more than once.
        confidence: question -> how sure a yes is, where the labeler says it: the higher, the surer. From a model, the
            judge and calibrated probabilities from 0 to 1.
    """

    answers: dict[str, bool | None]
    verbatim: dict[str, list[str]] = field(default_factory=dict)
    unparsable: int = 0
    retried: int = 0
    confidence: dict[str, float] = field(default_factory=dict)

    @property
    def score(self) -> int | None:
        """The number of questions answered with yes; None if a reply could not be parsed."""
        return None if None in self.answers.values() else sum(map(bool, self.answers.values()))

    @property
    def is_failure(self) -> bool:
        """Whether the labeler failed, such as a sandbox without an engine: it answered nothing, not even badly."""
        return not self.unparsable and all(yes is None for yes in self.answers.values())


class Labeler(Protocol):
    """Answers the questions.

    It may have ``problems``, a list of why its last call failed for some answers, and ``forget_unreadable()``, which
    deletes stored replies that could not be parsed, so that they are asked for again.
    """

    def describe(self) -> dict[str, Any]:
        """What the labels depend on, for the manifest: ``kind``, questions, model or code, versions."""
        ...

    def label(
        self, answers: Sequence[Answer], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[tuple[Answer, Labels]]:
        """The answers with their labels, in order, except those whose (item, sample) is in ``done``.

        An answer for which the labeler failed is left out.
        """
        ...
