"""``apigauge runs``: what has been run, and how far."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from apigauge.errors import RunError
from apigauge.harness.cli.output import add_json, print_json, say

if TYPE_CHECKING:
    from apigauge.harness.cli.find_runs import RunEntry

_DEFAULT = Path("runs")
_MAIN = ("ast.exact", "hallucination", "exec.rate")


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    parser.add_argument(
        "folder", nargs="?", type=Path, default=_DEFAULT, metavar="DIR", help="a run, or what holds runs (runs)"
    )
    add_json(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from apigauge.harness.cli.find_runs import find_runs, inspect_run

    folder: Path = arguments.folder
    if not folder.is_dir() and folder != _DEFAULT:
        raise RunError(f"{folder}: there is no such folder.")
    paths = find_runs(folder) if folder.is_dir() else []
    entries = sorted(map(inspect_run, paths), key=lambda entry: (entry.created, entry.path))
    if arguments.json:
        print_json({"runs": [entry.to_json() for entry in entries]})
    elif entries:
        _print(entries)
    else:
        say(f"{folder} has no runs; `apigauge run` makes them")
    return 0


def _print(entries: "list[RunEntry]") -> None:
    from apigauge.harness.cli.tables import Column, print_table, printable

    shows_unfinished = any(entry.unfinished and entry.unfinished[0] for entry in entries)
    rows = [
        (
            str(entry.path),
            entry.benchmark,
            entry.model,
            f"{entry.created:%Y-%m-%d %H:%M}",
            str(entry.items),
            *(_score(entry, metric) for metric in _MAIN),
            *([_unfinished(entry)] * shows_unfinished),
            _state(entry),
        )
        for entry in entries
    ]
    columns = (
        Column("run", folds=24),
        Column("benchmark"),
        Column("model", folds=16),
        Column("date (UTC)"),
        Column("items", is_right=True),
        *(Column(metric, is_right=True) for metric in _MAIN),
        *([Column("unfinished", is_right=True)] * shows_unfinished),
        Column("state"),
    )
    print_table(columns, rows)
    for entry in entries:
        if entry.state == "damaged":
            print(printable(f"{entry.path}: damaged: {entry.reason}"))


def _score(entry: "RunEntry", metric: str) -> str:
    if metric in entry.withheld:
        return "withheld"
    return f"{entry.metrics[metric]:.4f}" if metric in entry.metrics else "-"


def _unfinished(entry: "RunEntry") -> str:
    return "-" if entry.unfinished is None else f"{entry.unfinished[0]} ({entry.unfinished[1]:.1%})"


def _state(entry: "RunEntry") -> str:
    if entry.state == "partial":
        return f"{entry.items} of {entry.expected if entry.expected is not None else 'unknown'}"
    return entry.state
