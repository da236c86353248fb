"""The hooks. This module is imported at every start of apigauge, so it imports little before a hook needs it."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.harness.plugins import hookimpl

if TYPE_CHECKING:
    from apigauge.benchmarks import Benchmark
    from apigauge.harness.generation.backends import Backend
    from apigauge.harness.metrics.table import MetricInfo
    from apigauge.harness.plugins.rlaif.labelers.types import Labeler

_HERE = Path(__file__).parent


@hookimpl
def apigauge_benchmarks() -> Mapping[str, Path]:
    """``--benchmark wrapping``: eight questions on Python's ``textwrap``."""
    return {"wrapping": _HERE / "wrapping"}


@hookimpl
def apigauge_metrics() -> "Sequence[MetricInfo]":
    """``example.imports`` and ``example.lines`` by one module, and ``example.silent`` of the programs that are run."""
    from apigauge.harness.metrics.table import MetricInfo

    return [
        MetricInfo(
            "example.imports",
            "The program imports exactly the packages that the reference program imports.",
            "A program without any import agrees with a reference without any.",
            module="apigauge_example.size",
        ),
        MetricInfo(
            "example.lines",
            "Lines of the program that are neither empty nor comments, at most 20. Lower is better.",
            "An empty answer has the fewest.",
            module="apigauge_example.size",
            lower_is_better=True,
            top=20.0,
        ),
        MetricInfo(
            "example.silent",
            "The program wrote nothing to standard error.",
            "A program that was never begun is silent too.",
            module="apigauge_example.silent",
            is_executed=True,
        ),
    ]


@hookimpl
def apigauge_backends() -> "Mapping[str, Backend]":
    """``--model random:SEED``."""
    from apigauge.harness.generation.backends import Backend

    return {"random": Backend("SEED", "apigauge_example.random_rows", "a random catalogue row: the floor")}


@hookimpl
def apigauge_environments() -> Mapping[str, Path]:
    """``--environment example-python``: Python and its standard library."""
    return {"example-python": _HERE / "environment"}


@hookimpl
def apigauge_labelers() -> "Mapping[str, Callable[[Benchmark, str], Labeler]]":
    """``labeler = "length"`` or ``"length:LINES"`` in a recipe of ``apigauge rlaif``."""
    from apigauge_example.length import open_labeler

    return {"length": open_labeler}


@hookimpl
def apigauge_exports() -> Mapping[str, Callable[[Sequence[Any], Path], Path]]:
    """``apigauge report --export markdown``."""
    from apigauge_example.markdown import write_markdown

    return {"markdown": write_markdown}
