"""What a reader is, and what it returns: the answers of another harness with their scores."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Answer:
    """One scored answer.

    Attributes:
        item: the question's name, unique in its benchmark.
        sample: the number of the answer among those to its question, from 0.
        scores: by metric, as the harness names it; a metric without a number is left out.
        where: the file and line, for messages.
        cluster: what the question is about; questions of one cluster are not independent. Empty for the item itself.
        domain: the part of the benchmark that it belongs to.
        question: its text.
        reference: the right answer.
        text: what was answered.
        identity: what tells the question from others of the same name in other logs, such as a digest of it; not the
            prompt, which may be what is compared.
        is_cut_off: whether the answer ran out of tokens.
    """

    item: str
    sample: int
    scores: dict[str, float]
    where: str
    cluster: str = ""
    domain: str = ""
    question: str = ""
    reference: str = ""
    text: str = ""
    identity: str = ""
    is_cut_off: bool | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """What another harness wrote of one run.

    Attributes:
        harness: its name.
        task: what it asked; only logs of one harness and task can be compared.
        answers: at least one.
        lower_is_better: by metric, whether small values are good; None where the log does not say.
        harness_version: empty if the log does not say.
        task_version: likewise; scores of different versions cannot be compared.
        model: likewise.
        settings: what the answers depend on besides: seeds, sampling, arguments of the model.
        created: ISO 8601, in UTC; empty if the log does not say.
    """

    harness: str
    task: str
    answers: Sequence[Answer]
    lower_is_better: Mapping[str, bool | None]
    harness_version: str = ""
    task_version: str = ""
    model: str = ""
    settings: Mapping[str, Any] = field(default_factory=dict)
    created: str = ""


@dataclass(frozen=True, slots=True)
class Options:
    """What a user says of logs.

    Attributes:
        cluster: the field that says what a question is about; empty for a cluster of its own for each.
        task: the one task to read of a log with several; empty for all.
        lower: metrics of which small values are good.
        higher: metrics of which large values are good.
        tops: by metric, its largest value, if that is not 1.
        metrics: the only ones that matter; empty for all.
        is_asking: whether a direction that nothing says is an error; else large values count as good.
        has_texts: whether questions and answers are wanted, which can take long to read.
    """

    cluster: str = ""
    task: str = ""
    lower: frozenset[str] = frozenset()
    higher: frozenset[str] = frozenset()
    tops: Mapping[str, float] = field(default_factory=dict)
    metrics: frozenset[str] = frozenset()
    is_asking: bool = True
    has_texts: bool = True


class Reader(Protocol):
    """A module that reads one format."""

    def recognises(self, path: Path) -> bool:
        """Whether a file or folder looks like this format, by its name and its first bytes; never raises."""
        ...

    def read(self, path: Path, options: Options) -> Log:
        """Reads it.

        Raises:
            RunError: it is damaged; says the file and, where there are lines, the line.
            UsageError: an option names what the log does not have.
        """
        ...
