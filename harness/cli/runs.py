"""``apigauge runs``: what has been run, and how far."""

import argparse
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from apigauge.errors import ApigaugeError, RunError
from apigauge.harness.cli.options import stored_run
from apigauge.harness.cli.other_harnesses import add_readers, as_runs
from apigauge.harness.cli.output import add_json, print_json, say
from apigauge.harness.evaluation.addresses import shown

if TYPE_CHECKING:
    from apigauge.harness.cli.find_runs import RunEntry

_DEFAULT = Path("runs")
_MAIN = ("ast.exact", "hallucination", "exec.rate")


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    parser.add_argument(
        "folder", nargs="?", type=stored_run, default=_DEFAULT, metavar="DIR", help="a run, or what holds runs (runs)"
    )
    add_json(parser)
    add_readers(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from apigauge.harness.cli.find_runs import find_runs, inspect_run

    folder: Path = arguments.folder
    logs = _logs(folder)
    if not folder.is_dir() and folder != _DEFAULT and not logs:
        raise RunError(f"{folder}: there is no such folder.")
    paths = find_runs(folder) if folder.is_dir() else []
    others = [_inspect_log(path, arguments) for path in logs]
    entries = sorted([*map(inspect_run, paths), *others], key=lambda entry: (entry.created, entry.path))
    if arguments.json:
        print_json({"runs": [entry.to_json() for entry in entries]})
    elif entries:
        _print(entries, set(logs))
    else:
        say(f"{folder} has no runs; `apigauge run` makes them")
    return 0


def _logs(path: Path) -> list[Path]:
    """Results of other harnesses: the path itself, or what is in it; tables only where they are named themselves."""
    from apigauge.harness.readers import scores_table
    from apigauge.harness.readers.reading import reader_for

    if reader_for(path):
        return [path]
    children = sorted(path.iterdir()) if path.is_dir() else []
    return [one for one in children if reader_for(one) not in (None, scores_table)]


def _inspect_log(path: Path, arguments: argparse.Namespace) -> "RunEntry":
    """What another harness's results are; a damaged file is a state like any other."""
    from apigauge.harness.cli.find_runs import RunEntry, inspect_run

    try:
        with as_runs([path], arguments, is_asking=False, has_summary=True, has_texts=False) as runs:
            return replace(inspect_run(runs[0]), path=path)
    except (ApigaugeError, OSError) as error:
        reason = str(error).removeprefix(f"{path}: ")
        return RunEntry(path, "damaged", datetime.fromtimestamp(path.stat().st_mtime, UTC), reason)


def _others(entry: "RunEntry") -> Iterator[str]:
    yield from (f"{name} {value:.4f}" for name, value in entry.metrics.items() if name not in _MAIN)


def _print(entries: "list[RunEntry]", logs: set[Path]) -> None:
    from apigauge.harness.cli.tables import Column, print_table, printable

    shows_unfinished = any(entry.unfinished and entry.unfinished[0] for entry in entries)
    rows = [
        (
            shown(entry.path),
            entry.benchmark,
            entry.model,
            f"{entry.created:%Y-%m-%d %H:%M}",
            str(entry.items),
            *(_score(entry, metric) for metric in _MAIN),
            *([", ".join(_others(entry)) if entry.path in logs else ""] * bool(logs)),
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
        *([Column("other scores", folds=16)] * bool(logs)),
        *([Column("unfinished", is_right=True)] * shows_unfinished),
        Column("state"),
    )
    print_table(columns, rows)
    for entry in entries:
        if entry.state == "damaged":
            print(printable(f"{shown(entry.path)}: damaged: {entry.reason}"))


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
