"""One metric a file, and two contracts.

A static metric reads text: ``make(benchmark)`` gives a pure function from item and extraction to scores. An executed
one reads what happened when the program ran: ``program_of`` says what to run, ``scores(verdict)`` what that means.
Both have ``version()``.
"""

import hashlib
import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, cast

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError
from apigauge.harness.extraction import Extraction

# Module -> the metric names it yields, in the order of a leaderboard's columns.
STATIC: dict[str, tuple[str, ...]] = {
    "ast_match": ("ast.exact", "ast.domain", "hallucination"),
    "ast_gorilla": ("ast.gorilla", "hallucination.gorilla"),
    "rouge": ("rouge.1", "rouge.2", "rouge.L"),
    "codebleu": ("codebleu",),
    "codebleu_corrected": ("codebleu.corrected",),
}
EXECUTED: dict[str, tuple[str, ...]] = {"executability": ("exec.rate", "exec.call", "exec.stage")}
MODULES = STATIC | EXECUTED
NAMES: tuple[str, ...] = tuple(name for names in MODULES.values() for name in names)
SCORER_ERROR = "scorer_error"
_SHARED_CODE = (
    "syntax.py",
    *(f"metrics/{name}.py" for name in ("calls", "constants", "data_flow", "signatures", "ngrams")),
)
LOWER_IS_BETTER = frozenset({"hallucination", "hallucination.gorilla"})
# The largest value of what is no share from 0 to 1.
TOP = {"exec.stage": 4.0}


@dataclass(frozen=True, slots=True)
class Scored:
    """What a metric says of one answer: numbers, a category per metric, and what differs in words."""

    metrics: dict[str, float]
    labels: dict[str, str] = field(default_factory=dict)
    messages: dict[str, str] = field(default_factory=dict)


Metric = Callable[[Item, Extraction], Scored]


def modules_for(names: Sequence[str]) -> list[str]:
    """The modules that yield the named metrics (a module's name stands for all of its own).

    Raises:
        UsageError: a name is no metric.
    """
    wanted = []
    for name in names:
        found = [module for module, yields in MODULES.items() if name == module or name in yields]
        if not found:
            raise UsageError(f"--metrics: there is no metric {name!r}; there are: {', '.join(NAMES)}")
        wanted += found
    return [module for module in MODULES if module in wanted]


def make_metrics(modules: Sequence[str], benchmark: Benchmark) -> list[Metric]:
    """The static metrics among these modules for one benchmark, ready to score; the others need a verdict."""
    return [_guarded(module, _static(module).make(benchmark)) for module in modules if module in STATIC]


def is_executed(metric: str) -> bool:
    """Whether a metric's number comes from running the program."""
    return any(metric in names for names in EXECUTED.values())


def _guarded(module: str, metric: Metric) -> Metric:
    """A metric that leaves its numbers out, and says so, where it fails: one answer must not end a run."""

    def guarded(item: Item, extraction: Extraction) -> Scored:
        try:
            return metric(item, extraction)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is ours and not the model's
            name = MODULES[module][0]
            return Scored({}, {name: SCORER_ERROR}, {name: f"{type(error).__name__}: {error}"})

    return guarded


def versions(modules: Sequence[str]) -> dict[str, str]:
    """What each module's numbers depend on, for the manifest: libraries, and our own code."""
    return {
        module: f"{_import(module).version()}, code {code_digest(f'metrics/{module}.py', *_SHARED_CODE)}"
        for module in modules
    }


def code_digest(*names: str) -> str:
    """Twelve hexadecimal digits over files of the harness: they change when a number might."""
    digest = hashlib.sha256()
    for name in names:
        digest.update((Path(__file__).parents[1] / name).read_bytes())
    return digest.hexdigest()[:12]


def score(metrics: Sequence[Metric], item: Item, extraction: Extraction) -> Scored:
    """All metrics of one answer, merged."""
    merged = Scored({})
    for metric in metrics:
        scored = metric(item, extraction)
        merged.metrics.update(scored.metrics)
        merged.labels.update(scored.labels)
        merged.messages.update(scored.messages)
    return merged


def _import(module: str) -> "_Module":
    return cast("_Module", importlib.import_module(f"apigauge.harness.metrics.{module}"))


def _static(module: str) -> "_StaticModule":
    return cast("_StaticModule", _import(module))


class _Module(Protocol):
    """What every metric's module offers."""

    def version(self) -> str: ...


class _StaticModule(_Module, Protocol):
    """What a static metric's module offers besides."""

    def make(self, benchmark: Benchmark) -> Metric: ...
