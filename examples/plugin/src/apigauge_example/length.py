"""The labeler ``length``: a short program is preferred, whatever it does."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from apigauge.benchmarks.types import Benchmark
from apigauge.errors import UsageError
from apigauge.harness.extraction.extract import extract
from apigauge.harness.plugins.rlaif.labelers.types import Answer, Labels
from apigauge_example.size import count_lines


def open_labeler(_benchmark: Benchmark, argument: str) -> "Length":
    """The labeler ``length`` or ``length:LINES``."""
    if argument and not argument.isdecimal():
        raise UsageError(f"labeler length:{argument}: give a whole number of lines")
    return Length(int(argument or 8))


class Length:
    """Asks whether there is a program, and whether it is short.

    Args:
        most: lines of a short program.
    """

    def __init__(self, most: int) -> None:
        self.most = most

    def describe(self) -> dict[str, Any]:
        """The limit; the package and its code are added by apigauge."""
        return {"kind": "length", "questions": ["program", "short"], "most": self.most}

    def label(
        self, answers: Sequence[Answer], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[tuple[Answer, Labels]]:
        """In order."""
        for answer in answers:
            if (answer.item.id, answer.sample) not in done:
                lines = count_lines(extract(answer.text).program or "")
                yield answer, Labels({"program": lines > 0, "short": 0 < lines <= self.most})
