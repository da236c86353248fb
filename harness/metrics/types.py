"""The contracts of metrics: what a metric's module offers, and what a metric returns.

A static metric reads text: ``make(benchmark)`` returns a pure function from item and extraction to scores. The executed
metrics (:mod:`~.metrics.executability`) read the verdict of the sandbox: ``program_of`` is the program to run, and
``scores(verdict)`` its scores. Both kinds have ``version()``.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.extraction.extract import Extraction

SCORER_ERROR = "scorer_error"


@dataclass(frozen=True, slots=True)
class Scored:
    """A metric's scores of one answer: by metric a number, a category, and one sentence on what differs."""

    metrics: dict[str, float]
    labels: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)


Metric = Callable[[Item, Extraction], Scored]


class Module(Protocol):
    """A module of metrics."""

    def version(self) -> str:
        """What the numbers depend on besides this package's code: libraries and their versions."""
        ...


class StaticModule(Module, Protocol):
    """A module of metrics that read text."""

    def make(self, benchmark: Benchmark) -> Metric:
        """The module's metrics for one benchmark; called once, so that scoring an answer is fast."""
        ...
