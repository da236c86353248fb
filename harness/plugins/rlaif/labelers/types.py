"""The contract of labelers: the answer that is judged, its labels, and the labeler."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from apigauge.benchmarks.types import Item


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to be judged.

    Attributes:
        item: the question; a labeler must not use its reference.
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
    """

    answers: dict[str, bool | None]
    verbatim: dict[str, list[str]] = field(default_factory=dict)
    unparsable: int = 0
    retried: int = 0

    @property
    def score(self) -> int | None:
        """The number of questions answered with yes; None if a reply could not be parsed."""
        return None if None in self.answers.values() else sum(map(bool, self.answers.values()))


class Labeler(Protocol):
    """Answers the questions."""

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
