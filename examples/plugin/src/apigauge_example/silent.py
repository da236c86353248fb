"""``example.silent``: whether a program wrote to standard error. It is made from what the sandbox observed."""

from collections.abc import Callable

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.metrics.types import Scored
from apigauge.sandboxes import Verdict


def make(_benchmark: Benchmark) -> Callable[[Item, Verdict], Scored]:
    """The metric; of an executed one it takes the verdict on the program."""

    def metric(_item: Item, verdict: Verdict) -> Scored:
        return Scored({"example.silent": float(not verdict.evidence.get("stderr"))})

    return metric


def version() -> str:
    """It depends on nothing but the verdict."""
    return "1"
