"""The modules behind the names of metrics: making them for a benchmark, scoring with them, and their versions.

A plugin's module is trusted less than apigauge's own: what it returns is checked before it reaches a file.
"""

import importlib
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError, did_you_mean
from apigauge.extensions import added
from apigauge.harness.extraction.extract import Extraction
from apigauge.harness.metrics import package_code
from apigauge.harness.metrics.table import EXECUTED, MODULES, OWN_MODULES, STATIC, installed
from apigauge.harness.metrics.types import SCORER_ERROR, Metric, Module, Scored, StaticModule
from apigauge.sandboxes.digests import sized_files_digest
from apigauge.sandboxes.verdict import Verdict

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
_SCORING = ("evaluate", "keys", "rescore", "run_directory", "scoring", "stored_rows", "unfinished")
_ROWS_CODE = (
    "extensions.py",
    "file_formats.py",
    *(f"harness/evaluation/{name}.py" for name in _SCORING),
    *(f"harness/executors/{name}.py" for name in ("chunks", "local", "prefetch", "types")),
    # A run is the same wherever it was scored.
    *(f"harness/executors/{name}.py" for name in ("ray", "ray_nodes", "ray_scoring")),
    "harness/generation/types.py",
    *(f"harness/metrics/{name}.py" for name in ("package_code", "registry", "table", "types")),
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
    "harness/executors/ray_sandbox.py",
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
            hint = did_you_mean(name, (*installed(), *MODULES))
            raise UsageError(f"--metrics: there is no metric {name!r}; there are: {', '.join(installed())}{hint}")
        modules |= of_name
    return [module for module in MODULES if module in modules]


def make_metrics(modules: Sequence[str], benchmark: Benchmark) -> list[Metric]:
    """The static metrics among these modules, made for one benchmark; the executed ones need a verdict instead."""
    return make_static(static(modules, benchmark), benchmark)


def static(modules: Sequence[str], benchmark: Benchmark) -> dict[str, dict[str, float]]:
    """Those of these modules that read text and can score a benchmark: for each, its metrics and their largest values.

    It is all that another process needs to make them, without loading a plugin for its table.
    """
    tops = {name: info.top for name, info in installed().items()}
    return {
        module: {name: tops[name] for name in STATIC[module]}
        for module in applicable(modules, benchmark)
        if module in STATIC
    }


def make_static(modules: Mapping[str, Mapping[str, float]], benchmark: Benchmark) -> list[Metric]:
    """The metrics of :func:`static`."""
    return [_guarded(module, tops, benchmark) for module, tops in modules.items()]


def make_executed(benchmark: Benchmark) -> Callable[[str, Verdict], Scored]:
    """The executed metrics of plugins, made for one benchmark: scores of an item's id and its program's verdict."""
    items = {item.id: item for item in benchmark.items}
    tops = {name: info.top for name, info in installed().items()}
    judges = [
        _guarded(module, {name: tops[name] for name in names}, benchmark)
        for module, names in EXECUTED.items()
        if module not in OWN_MODULES
    ]

    def judge(item: str, verdict: Verdict) -> Scored:
        return _merged(one(items[item], verdict) for one in judges)

    return judge


def applicable(modules: Sequence[str], benchmark: Benchmark) -> list[str]:
    """Those of these modules that can score a benchmark.

    ``ast.gorilla`` needs a dialect of its own, ``ast.bfcl`` items that say what the package's checker wants to know.
    """
    cannot = set() if benchmark.gorilla_dialect else {"ast_gorilla"}
    if not all(item.possible_answers for item in benchmark.items):
        cannot.add("ast_bfcl")
    return [module for module in modules if module not in cannot]


def _guarded(module: str, tops: Mapping[str, float], benchmark: Benchmark) -> Callable[[Item, Any], Scored]:
    """The module's metric, with a label instead of numbers where it fails: one answer must not end a run."""
    is_own, name = module in OWN_MODULES, next(iter(tops))
    try:
        metric: Callable[[Item, Any], Scored] = cast("StaticModule", _import(module)).make(benchmark)
    except Exception as error:
        if is_own:
            raise
        metric = _failing(error)

    def guarded(item: Item, answer: Any) -> Scored:
        try:
            scored = metric(item, answer)
            return scored if is_own else _checked(scored, tops)
        except Exception as error:  # noqa: BLE001 - whatever it is, it is the metric's failure and not the model's
            return Scored({}, {name: SCORER_ERROR}, {name: f"{type(error).__name__}: {error}"})

    return guarded


def _failing(error: Exception) -> Callable[[Item, Any], Scored]:
    """A metric that raises what its module raised when it was made."""

    def metric(_item: Item, _answer: Any) -> Scored:
        raise error

    return metric


def _checked(scored: object, tops: Mapping[str, float]) -> Scored:
    """What a plugin's metric returned, if it can be written.

    Raises:
        TypeError: it is no score, or of other metrics.
        ValueError: a number is outside its metric's range.
    """
    if not isinstance(scored, Scored):
        raise TypeError(f"the metric returned {type(scored).__name__}, and no Scored")
    texts = (*scored.labels.items(), *scored.messages.items())
    if not all(isinstance(text, str) for _, text in texts):
        raise TypeError("a label or message is no text")
    if others := {*scored.metrics, *(name for name, _ in texts)} - tops.keys():
        raise TypeError(f"the module scored {min(map(str, others))!r}, which is none of its metrics")
    for name, value in scored.metrics.items():
        if not isinstance(value, int | float) or not 0 <= value <= tops[name]:
            raise ValueError(f"{name} is {value!r}, and no number from 0 to {tops[name]:g}")
    return Scored({name: float(value) for name, value in scored.metrics.items()}, scored.labels, scored.messages)


def versions(modules: Sequence[str]) -> dict[str, str]:
    """What each module's numbers depend on, for the manifest: libraries, Python, and a digest of its code."""
    python = ".".join(platform.python_version_tuple()[:2])
    return {
        module: f"{_own_version(module)}, Python {python}, code {code_digest(*_code_of(module))}" for module in modules
    }


def _own_version(module: str) -> str:
    """What a module says of itself; a plugin's also names its package and digests its code.

    Raises:
        PluginError: a plugin's module does not say it.
    """
    if module in OWN_MODULES:
        return _import(module).version()
    addition = next(one for one in added("metrics").values() if one.value.module == module)
    try:
        text = _import(module).version()
        if not isinstance(text, str):
            raise TypeError(f"version() returned {type(text).__name__}, and no text")  # noqa: TRY301 - reported as any
    except Exception as error:
        raise addition.failure(f"metric {addition.value.name}", error) from error
    about = filter(None, (text, addition.package, f"its code {package_code.digest(module, addition.package)}"))
    return ", ".join(about)


def _code_of(module: str) -> tuple[str, ...]:
    return ((f"harness/metrics/{module}.py",) if module in OWN_MODULES else ()) + _SHARED_CODE


def code_digest(*names: str) -> str:
    """Twelve hexadecimal digits of the SHA-256 of files of the package: they change whenever a number might.

    Args:
        names: paths from the package's root.
    """
    return sized_files_digest((name, (_PACKAGE / name).read_bytes()) for name in dict.fromkeys(names))[:12]


def score(metrics: Sequence[Metric], item: Item, extraction: Extraction) -> Scored:
    """The scores of one answer by all of these metrics."""
    return _merged(metric(item, extraction) for metric in metrics)


def _merged(scores: Iterable[Scored]) -> Scored:
    merged = Scored({})
    for scored in scores:
        merged.metrics.update(scored.metrics)
        merged.labels.update(scored.labels)
        merged.messages.update(scored.messages)
    return merged


def _import(module: str) -> Module:
    name = f"apigauge.harness.metrics.{module}" if module in OWN_MODULES else module
    return cast("Module", importlib.import_module(name))
