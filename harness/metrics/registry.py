"""From the names of metrics to functions that score, and to what their numbers depend on."""

import hashlib
import importlib
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError, did_you_mean
from apigauge.harness.extraction.extract import Extraction
from apigauge.harness.metrics.table import MODULES, NAMES, STATIC
from apigauge.harness.metrics.types import SCORER_ERROR, Metric, Module, Scored, StaticModule

EXTRACTION_CODE = tuple(f"extraction/{name}.py" for name in ("extract", "call_scan", "syntax"))
_SHARED_CODE = (
    "extraction/syntax.py",
    *(f"metrics/{name}.py" for name in ("calls", "constants", "data_flow", "signatures", "ngrams")),
)


def modules_for(names: Sequence[str]) -> list[str]:
    """The modules that yield the named metrics (a module's name stands for all of its own).

    Raises:
        UsageError: a name is no metric.
    """
    wanted = []
    for name in names:
        found = [module for module, yields in MODULES.items() if name == module or name in yields]
        if not found:
            hint = did_you_mean(name, (*NAMES, *MODULES))
            raise UsageError(f"--metrics: there is no metric {name!r}; there are: {', '.join(NAMES)}{hint}")
        wanted += found
    return [module for module in MODULES if module in wanted]


def make_metrics(modules: Sequence[str], benchmark: Benchmark) -> list[Metric]:
    """The static metrics among these modules for one benchmark, ready to score; the others need a verdict."""
    return [_guarded(module, _static(module).make(benchmark)) for module in modules if module in STATIC]


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


def _import(module: str) -> "Module":
    return cast("Module", importlib.import_module(f"apigauge.harness.metrics.{module}"))


def _static(module: str) -> "StaticModule":
    return cast("StaticModule", _import(module))
