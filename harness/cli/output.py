"""What subcommands print, and where: results on standard output, everything for the person on standard error."""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from apigauge.file_formats import Summary


def say(text: str) -> None:
    """A line for the person; never on standard output, which belongs to the result."""
    print(text, file=sys.stderr)


def tell_problems(problems: list[str]) -> None:
    """What was wrong with the input but did not stop the run: the first ten, and how many there were."""
    for problem in problems[:10]:
        say(f"apigauge: {problem}")
    if len(problems) > 10:
        say(f"apigauge: and {len(problems) - 10} more problems; all are in summary.json")


def print_json(value: Mapping[str, Any]) -> None:
    r"""The machine-readable result; half a surrogate pair, as a server may send it, becomes JSON's own ``\udXXX``."""
    print(json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode("utf-8"))


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error; yields the function that moves it by one."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def summary_json(run: Path, summary: Summary) -> dict[str, Any]:
    """A run's result as ``--json`` prints it."""
    metrics = {
        name: {"value": entry["value"], "low": entry["low"], "high": entry["high"], "n": entry["n"]}
        for name, entry in summary["metrics"].items()
    }
    return {
        "run": str(run),
        "items": summary["items"],
        "expected": summary["expected"],
        "metrics": metrics,
        "infra_error_rate": summary["infra_error_rate"],
    }


def print_summary(run: Path, summary: Summary, *, as_json: bool) -> None:
    """A run's result: a table for people, or JSON."""
    if as_json:
        print_json(summary_json(run, summary))
        return
    metrics = summary["metrics"]
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=f"{escape(str(run))}: {summary['items']} of {summary['expected']} items", title_justify="left")
    table.add_column("metric")
    for heading in ("value", "95 % interval"):
        table.add_column(heading, justify="right")
    table.add_column("what differs")
    for name, entry in metrics.items():
        labels = summary["labels"].get(name, {})
        most = ", ".join(f"{label} {count}" for label, count in list(labels.items())[:4])
        table.add_row(name, f"{entry['value']:.4f}", f"{entry['low']:.4f} - {entry['high']:.4f}", most)
    for name in summary["withheld"]:
        table.add_row(name, "withheld", "", "")
    if rate := summary["infra_error_rate"]:
        table.caption = f"{rate:.2%} of the programs could not be run through the sandbox's own trouble"
        table.caption_justify = "left"
    Console().print(table)
