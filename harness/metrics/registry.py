"""The modules behind the names of metrics: making them for a benchmark, scoring with them, and their versions."""

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

_HARNESS = Path(__file__).parents[1]
EXTRACTION_CODE = tuple(sorted(str(path.relative_to(_HARNESS)) for path in (_HARNESS / "extraction").glob("*.py")))
_NAMES = ("address_book", "existence", "existence_hubs", "references", "same_call")
_SHARED_CODE = (
    *EXTRACTION_CODE,
    *(f"metrics/{name}.py" for name in ("calls", "codebleu", "data_flow", "signatures", "values", *_NAMES)),
    "metrics/real_names.json",
)


def modules_for(names: Sequence[str]) -> list[str]:
    """The modules that yield the named metrics; a module's name stands for all of its metrics.

    Raises:
        UsageError: a name is no metric.
    """
    modules: set[str] = set()
    for name in names:
        of_name = {module for module, yields in MODULES.items() if name == module or name in yields}
        if not of_name:
            hint = did_you_mean(name, (*NAMES, *MODULES))
            raise UsageError(f"--metrics: there is no metric {name!r}; there are: {', '.join(NAMES)}{hint}")
        modules |= of_name
    return [module for module in MODULES if module in modules]


def make_metrics(modules: Sequence[str], benchmark: Benchmark) -> list[Metric]:
    """The static metrics among these modules, made for one benchmark; the executed ones need a verdict instead."""
    return [_guarded(module, benchmark) for module in modules if module in STATIC]


def _guarded(module: str, benchmark: Benchmark) -> Metric:
    """The module's metric, with a label instead of numbers where it fails: one answer must not end a run."""
    metric = cast("StaticModule", _import(module)).make(benchmark)

    def guarded(item: Item, extraction: Extraction) -> Scored:
        try:
            return metric(item, extraction)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the metric's failure and not the model's
            name = MODULES[module][0]
            return Scored({}, {name: SCORER_ERROR}, {name: f"{type(error).__name__}: {error}"})

    return guarded


def versions(modules: Sequence[str]) -> dict[str, str]:
    """What each module's numbers depend on, for the manifest: libraries, and a digest of its code."""
    return {
        module: f"{_import(module).version()}, code {code_digest(f'metrics/{module}.py', *_SHARED_CODE)}"
        for module in modules
    }


def code_digest(*names: str) -> str:
    """Twelve hexadecimal digits of the SHA-256 of files of the harness: they change whenever a number might."""
    digest = hashlib.sha256()
    for name in names:
        digest.update((_HARNESS / name).read_bytes())
    return digest.hexdigest()[:12]


def score(metrics: Sequence[Metric], item: Item, extraction: Extraction) -> Scored:
    """The scores of one answer by all of these metrics."""
    merged = Scored({})
    for metric in metrics:
        scored = metric(item, extraction)
        merged.metrics.update(scored.metrics)
        merged.labels.update(scored.labels)
        merged.messages.update(scored.messages)
    return merged


def _import(module: str) -> Module:
    return cast("Module", importlib.import_module(f"apigauge.harness.metrics.{module}"))
