"""The modules behind the names of metrics: making them for a benchmark, scoring with them, and their versions."""

import importlib
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError, did_you_mean
from apigauge.harness.extraction.extract import Extraction
from apigauge.harness.metrics.table import MODULES, NAMES, STATIC
from apigauge.harness.metrics.types import SCORER_ERROR, Metric, Module, Scored, StaticModule
from apigauge.sandboxes.digests import sized_files_digest

_PACKAGE = Path(__file__).parents[2]
# All files between an answer and its score, by what they do. tests/harness/metrics/test_code_digests.py follows the
# imports: a module on the way that is in none of these lists fails it.
# The tables of names that this code reads have a digest of their own, which versions name.
_NAMES_CODE = ("sandboxes/digests.py", *(f"sandboxes/public_names/{name}.py" for name in ("__init__", "packed")))
EXTRACTION_CODE = (
    *sorted(f"harness/extraction/{path.name}" for path in (_PACKAGE / "harness" / "extraction").glob("*.py")),
    *_NAMES_CODE,
)
_LOADERS = ("loaders/__init__", *(f"loaders/{name}" for name in ("bfcl", "dataframebench", "gitchameleon")))
LOADER_CODE = tuple(
    f"benchmarks/{name}.py"
    for name in (
        "__init__",
        "types",
        "files",
        "folder",
        "item_fields",
        "several_calls",
        "archive",
        "apibench/__init__",
        "mini/__init__",
        *_LOADERS,
    )
)
_ROWS_CODE = (
    "file_formats.py",
    *(f"harness/evaluation/{name}.py" for name in ("evaluate", "rescore", "run_directory", "scoring", "unfinished")),
    *(f"harness/executors/{name}.py" for name in ("local", "prefetch")),
    "harness/generation/types.py",
    *(f"harness/metrics/{name}.py" for name in ("registry", "table", "types")),
)
_EXISTENCE = ("accepted_values", "address_book", "existence", "existence_hubs", "references", "same_call")
_SHARED_CODE = (
    *EXTRACTION_CODE,
    *_ROWS_CODE,
    "benchmarks/apibench/grammar.py",
    *(
        f"harness/metrics/{name}.py"
        for name in (
            "bfcl_answers",
            "bfcl_values",
            "calls",
            "codebleu",
            "data_flow",
            "signatures",
            "values",
            *_EXISTENCE,
        )
    ),
    "harness/metrics/real_names.json",
    *(f"sandboxes/hubs/{name}.py" for name in ("__init__", "torchhub/build", "torchhub/language_models")),
    "sandboxes/hubs/huggingface/repositories.jsonl",
    "sandboxes/hubs/tensorflowhub/handles.jsonl",
    "sandboxes/hubs/torchhub/specification.json",
)
# What programs run in says of itself what it is; this is the code that runs them there and reads their verdicts.
EXECUTION_CODE = (
    "harness/evaluation/execution.py",
    *(f"harness/metrics/{name}.py" for name in ("executability", "correctness", "observed_calls", "ast_match")),
    *(f"sandboxes/{name}.py" for name in ("docker", "engine", "factory", "orphans", "pool", "process", "verdict")),
    *(f"sandboxes/{name}.py" for name in ("several", "worker_channel", "inputs/__init__")),
    *(f"sandboxes/environments/{name}.py" for name in ("__init__", "find", "virtual")),
    *(f"sandboxes/{name}.py" for name in ("hubs/fetch", "hubs/live", "worker/__init__", "worker/wire")),
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
    return [_guarded(module, benchmark) for module in applicable(modules, benchmark) if module in STATIC]


def applicable(modules: Sequence[str], benchmark: Benchmark) -> list[str]:
    """Those of these modules that can score a benchmark.

    ``ast.gorilla`` needs a dialect of its own, ``ast.bfcl`` items that say what the package's checker wants to know.
    """
    cannot = set() if benchmark.gorilla_dialect else {"ast_gorilla"}
    if not all(item.possible_answers for item in benchmark.items):
        cannot.add("ast_bfcl")
    return [module for module in modules if module not in cannot]


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
    """What each module's numbers depend on, for the manifest: libraries, Python, and a digest of its code."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {
        module: f"{_import(module).version()}, Python {python}, code {code_digest(*_code_of(module))}"
        for module in modules
    }


def _code_of(module: str) -> tuple[str, ...]:
    return (f"harness/metrics/{module}.py", *_SHARED_CODE)


def code_digest(*names: str) -> str:
    """Twelve hexadecimal digits of the SHA-256 of files of the package: they change whenever a number might.

    Args:
        names: paths from the package's root.
    """
    return sized_files_digest((name, (_PACKAGE / name).read_bytes()) for name in dict.fromkeys(names))[:12]


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
