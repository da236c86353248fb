"""apigauge: are the API calls that language models write real, right and runnable?

The names below are the public Python interface; everything else may move.

>>> from apigauge import extract, load_benchmark
>>> mini = load_benchmark("mini")
>>> extract("<<<api_call>>>: statistics.quantiles(data, n=4)").call
'statistics.quantiles(data, n=4)'
"""

from apigauge.benchmarks import Api, Benchmark, Item, load_benchmark
from apigauge.errors import ApigaugeError, DataError, ResponsesError, RunError, SandboxError, UsageError
from apigauge.harness.extraction import Extraction, extract

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
