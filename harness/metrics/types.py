"""The two contracts of metrics.

A static metric reads text: ``make(benchmark)`` gives a pure function from item and extraction to scores. An executed
one reads what happened when the program ran: ``program_of`` says what to run, ``scores(verdict)`` what that means.
Both have ``version()``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.extraction.extract import Extraction

SCORER_ERROR = "scorer_error"


@dataclass(frozen=True, slots=True)
class Scored:
    """What a metric says of one answer: numbers, a category per metric, and what differs in words."""

    metrics: dict[str, float]
    labels: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)


Metric = Callable[[Item, Extraction], Scored]


class Module(Protocol):
    """What every metric's module offers."""

    def version(self) -> str:
        """What the numbers depend on besides our own code: libraries and their versions."""
        ...


class StaticModule(Module, Protocol):
    """What a static metric's module offers besides."""

    def make(self, benchmark: Benchmark) -> Metric:
        """The metric for one benchmark."""
        ...
