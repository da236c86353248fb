"""apigauge: are the API calls that language models write real, right and runnable?

The names below are the public Python interface; everything else may move.

>>> from apigauge import extract, load_benchmark
>>> mini = load_benchmark("mini")
>>> extract("<<<api_call>>>: statistics.quantiles(data, n=4)").call
'statistics.quantiles(data, n=4)'
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from apigauge.benchmarks import Api, Benchmark, Item, load_benchmark
    from apigauge.errors import ApigaugeError, DataError, ResponsesError, RunError, SandboxError, UsageError
    from apigauge.harness.extraction.extract import Extraction, extract

__version__ = "0.1.0"

__all__ = [
    "Api",
    "ApigaugeError",
    "Benchmark",
    "DataError",
    "Extraction",
    "Item",
    "ResponsesError",
    "RunError",
    "SandboxError",
    "UsageError",
    "__version__",
    "extract",
    "load_benchmark",
]

# pytest imports the package at every start where it is installed: each name is fetched when it is asked for.
_HOMES = {
    "apigauge.benchmarks": ("Api", "Benchmark", "Item", "load_benchmark"),
    "apigauge.harness.extraction.extract": ("Extraction", "extract"),
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    home = next((module for module, names in _HOMES.items() if name in names), "apigauge.errors")
    return getattr(import_module(home), name)
