"""``apigauge metrics``: every metric, what it means and what it does not say."""

import argparse
import shutil
import textwrap
from typing import TYPE_CHECKING, Any

from apigauge.extensions import added
from apigauge.harness.cli.output import add_json, print_json

if TYPE_CHECKING:
    from apigauge.harness.metrics.table import MetricInfo


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    parser.add_argument("names", nargs="*", metavar="NAME", help="only these; a module's name means all of its metrics")
    add_json(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from apigauge.harness.metrics.table import installed

    chosen = _chosen(arguments.names) if arguments.names else tuple(installed().values())
    if arguments.json:
        print_json({"metrics": [_to_json(info) for info in chosen]})
        return 0
    plugins = added("metrics")
    width = max(40, min(shutil.get_terminal_size().columns, 100))
    for info in chosen:
        better = "lower" if info.lower_is_better else "higher"
        kind = "runs the program" if info.is_executed else "static"
        owner = f", from {plugins[info.name].package}" if info.name in plugins else ""
        print(f"{info.name:22} 0 to {info.top:g}, {better} is better, {kind}{owner}")
        for text in (info.meaning, f"Caution: {info.caution}"):
            print(textwrap.fill(text, width, initial_indent="    ", subsequent_indent="    "))
    return 0


def _chosen(names: list[str]) -> "tuple[MetricInfo, ...]":
    """The named metrics in the table's order; of a module, all.

    Raises:
        UsageError: a name is neither a metric's nor a module's.
    """
    from apigauge.harness.metrics.registry import modules_for
    from apigauge.harness.metrics.table import installed

    modules_for(names)
    return tuple(info for info in installed().values() if info.name in names or info.module in names)


def _to_json(info: "MetricInfo") -> dict[str, Any]:
    return {
        "name": info.name,
        "module": info.module,
        "low": 0.0,
        "high": info.top,
        "lower_is_better": info.lower_is_better,
        "executed": info.is_executed,
        "meaning": info.meaning,
        "caution": info.caution,
    }
