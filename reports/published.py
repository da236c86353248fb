"""Figures that papers print for APIBench, shown next to our own, with their source."""

import functools
import json
from dataclasses import dataclass
from importlib import resources
from typing import Any

_HUBS = ("huggingface", "torchhub", "tensorflowhub")


@dataclass(frozen=True, slots=True)
class PrintedFigure:
    """One printed row on one benchmark; both values are shares from 0 to 1.

    Attributes:
        model: as the source names it.
        source: where it is printed.
        accuracy: the source's AST accuracy, which is a domain match (our ``ast.gorilla``).
        hallucination: the source's hallucination rate (our ``hallucination.gorilla``).
    """

    benchmark: str
    model: str
    source: str
    accuracy: float
    hallucination: float

    @property
    def values(self) -> dict[str, float]:
        """Value by the name of our metric that reproduces it."""
        return {"ast.gorilla": self.accuracy, "hallucination.gorilla": self.hallucination}


@dataclass(frozen=True, slots=True)
class Claim:
    """Something a paper claims that has no row of its own in our tables; ``points`` are differences of percentages."""

    source: str
    claim: str
    data: str
    policy: str
    labeler: str
    points: dict[str, float]


@dataclass(frozen=True, slots=True)
class Published:
    """Everything in ``published.json``."""

    note: str
    figures: tuple[PrintedFigure, ...]
    claims: tuple[Claim, ...]

    def on(self, benchmark: str) -> tuple[PrintedFigure, ...]:
        """The figures printed for a benchmark."""
        return tuple(figure for figure in self.figures if figure.benchmark == benchmark)


NOTHING = Published("", (), ())
# Of Gorilla-7B's released answers those that others measure themselves against: trained and asked without a retriever.
BASELINE_ANSWERS = "FT 0-shot"


def released_answers() -> dict[str, str]:
    """Which of Gorilla-7B's released files of answers has a digest (SHA-256): how it was trained and asked."""
    return dict(_data()["released"])


@functools.cache
def _data() -> dict[str, Any]:
    text = resources.files("apigauge.reports").joinpath("published.json").read_text(encoding="utf-8")
    return dict(json.loads(text))


@functools.cache
def load_published() -> Published:
    """Reads the figures that come with the package."""
    data = _data()
    figures = tuple(
        PrintedFigure(f"apibench-{hub}", row["model"], row["source"], row[hub][0] / 100, row[hub][1] / 100)
        for row in data["rows"]
        for hub in _HUBS
        if hub in row
    )
    return Published(data["note"], figures, tuple(Claim(**claim) for claim in data["claims"]))
