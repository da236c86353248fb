"""apigauge: are the API calls that language models write real, right and runnable?

The names below are the public Python interface; everything else may move.

>>> import apigauge
>>> mini = apigauge.load_benchmark("mini")
>>> apigauge.extract("<<<api_call>>>: statistics.quantiles(data, n=4)").call
'statistics.quantiles(data, n=4)'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apigauge.api import (
        compare,
        gate,
        load_benchmark,
        read_run,
        report,
        run,
        score,
        score_answer,
    )
    from apigauge.benchmarks.types import Api, Benchmark, Item
    from apigauge.errors import (
        ApigaugeError,
        CommentError,
        DataError,
        ExecutorError,
        ModelError,
        PluginError,
        ResponsesError,
        RunError,
        SandboxError,
        UsageError,
    )
    from apigauge.harness.comparison.compare import Comparison
    from apigauge.harness.evaluation.sandbox_choice import SandboxOptions
    from apigauge.harness.extraction.extract import Extraction, extract
    from apigauge.harness.generation.options import ModelOptions
    from apigauge.harness.generation.prompts import Prompting
    from apigauge.harness.generation.sampling import Sampling
    from apigauge.harness.plugins.spec import hookimpl
    from apigauge.results import AnswerScore, Decision, Run

__version__ = "0.1.0"

__all__ = [
    "AnswerScore",
    "Api",
    "ApigaugeError",
    "Benchmark",
    "CommentError",
    "Comparison",
    "DataError",
    "Decision",
    "ExecutorError",
    "Extraction",
    "Item",
    "ModelError",
    "ModelOptions",
    "PluginError",
    "Prompting",
    "ResponsesError",
    "Run",
    "RunError",
    "Sampling",
    "SandboxError",
    "SandboxOptions",
    "UsageError",
    "__version__",
    "compare",
    "extract",
    "gate",
    "hookimpl",
    "load_benchmark",
    "read_run",
    "report",
    "run",
    "score",
    "score_answer",
]

# pytest imports the package at every start where it is installed: each name is fetched when it is used.
_HOMES = {
    "apigauge.api": (
        "compare",
        "gate",
        "load_benchmark",
        "read_run",
        "report",
        "run",
        "score",
        "score_answer",
    ),
    "apigauge.benchmarks.types": ("Api", "Benchmark", "Item"),
    "apigauge.harness.comparison.compare": ("Comparison",),
    "apigauge.harness.evaluation.sandbox_choice": ("SandboxOptions",),
    "apigauge.harness.extraction.extract": ("Extraction", "extract"),
    "apigauge.harness.generation.options": ("ModelOptions",),
    "apigauge.harness.generation.prompts": ("Prompting",),
    "apigauge.harness.generation.sampling": ("Sampling",),
    "apigauge.harness.plugins.spec": ("hookimpl",),
    "apigauge.results": ("AnswerScore", "Decision", "Run"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = next((module for module, names in _HOMES.items() if name in names), "apigauge.errors")
    return getattr(import_module(home), name)


def __dir__() -> list[str]:
    return sorted(__all__)
