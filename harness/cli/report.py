"""``apigauge report``: a leaderboard and a page for each run."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import ApigaugeError, RunError, UsageError, did_you_mean
from apigauge.extensions import Addition, added
from apigauge.harness.cli.options import add_common
from apigauge.harness.cli.other_harnesses import add_readers, as_runs
from apigauge.harness.cli.output import print_json, progress, say, say_error

if TYPE_CHECKING:
    from apigauge.benchmarks import Item
    from apigauge.reports.views import ItemView, RunView

# The formats of --export that come with apigauge; plugins may add others.
OWN = ("csv", "mlflow", "wandb", "trackio", "otel")
Export = Callable[[Sequence["RunView"], Path], Path]


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    parser.add_argument(
        "runs", nargs="+", type=Path, metavar="RUN", help="a run's folder, or one that holds runs, at any depth"
    )
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the pages go")
    parser.add_argument(
        "--export",
        nargs="+",
        default=["csv"],
        action="extend",
        metavar="FORMAT",
        help="tables for other programs next to the pages: csv (the default); mlflow, wandb, trackio or otel, a "
        "tracker; or formats of plugins",
    )
    parser.add_argument("--no-published", action="store_true", help="leave out figures printed elsewhere")
    add_common(parser)
    add_readers(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from apigauge.reports.leaderboard import write_site

    exports = [exporter(name) for name in dict.fromkeys(arguments.export)]
    with as_runs(arguments.runs, arguments, has_summary=True) as runs:
        views = _views(runs, arguments.data_dir)
    index = write_site(views, arguments.out, published=not arguments.no_published)
    written = [export(views, arguments.out) for export in exports]
    if arguments.json:
        print_json({"index": str(index), "runs": [v.name for v in views], "exports": [str(path) for path in written]})
    else:
        print(index)
    return 0


def exporter(name: str) -> Export:
    """What writes a format.

    Raises:
        UsageError: there is no such format.
    """
    if name == "csv":
        from apigauge.reports.export import write_csv

        return write_csv
    if name in OWN:
        from apigauge.reports.tracking import tracker

        return tracker(name)
    if name not in (plugins := added("exports")):
        names = (*OWN, *plugins)
        raise UsageError(f"--export {name}: the formats are {', '.join(names)}{did_you_mean(name, names)}")
    return _of_plugin(name, plugins[name])


def _of_plugin(name: str, addition: Addition) -> Export:
    """A plugin's format, whose errors name the plugin."""

    def export(views: "Sequence[RunView]", out: Path) -> Path:
        try:
            return Path(addition.value(views, out))
        except ApigaugeError:
            raise
        except Exception as error:
            raise addition.failure(f"--export {name}", error) from error

    return export


def _views(arguments: Sequence[Path], data_dir: Path | None) -> "list[RunView]":
    """The runs that the arguments name or hold, each once; what is left out of a folder is named.

    Raises:
        RunError: an argument is no run and holds none, or none of those that it holds can be used.
    """
    items: dict[str, dict[str, Item]] = {}
    views = []
    chosen, left_out = _choose(arguments)
    with progress("reading runs", len(chosen)) as tick:
        for path, is_named in chosen.items():
            try:
                views.append(view(path, data_dir, items))
            except ApigaugeError as error:
                if is_named:
                    raise
                left_out.append(str(error))
            tick()
    for text in left_out:
        (say if views else say_error)(f"{'apigauge: ' if views else ''}left out: {text}")
    if not views:
        raise RunError(f"{', '.join(map(str, arguments))}: no run there can be reported; see above.")
    return views


def _choose(arguments: Sequence[Path]) -> tuple[dict[Path, bool], list[str]]:
    """The runs, with whether an argument names the run itself, and what is left out because it is no run."""
    from apigauge.harness.cli.find_runs import find_runs, is_run

    chosen: dict[Path, bool] = {}
    paths: dict[Path, Path] = {}
    left_out = []
    for argument in arguments:
        if not argument.is_dir():
            raise RunError(f"{argument}: there is no such folder; give a run, or a folder that holds runs.")
        others: list[Path] = []
        runs = find_runs(argument, others)
        if not runs:
            raise RunError(
                f"{argument} is no run directory and holds none; `apigauge runs DIR` lists what is in a folder."
            )
        left_out += [f"{other}: no run directory" for other in others]
        for path in runs:
            first = paths.setdefault(path.resolve(), path)
            chosen[first] = chosen.get(first, False) or is_run(argument)
    return chosen, left_out


def view(path: Path, data_dir: Path | None, items: "dict[str, dict[str, Item]]") -> "RunView":
    """A run as the report reads it; ``items`` caches each benchmark's items between runs.

    Raises:
        RunError: the folder is no run, or has not been scored.
        DataError: the run's benchmark is not here.
    """
    from apigauge.harness.evaluation import run_directory
    from apigauge.harness.evaluation.questions import reopen_for
    from apigauge.reports.views import RunView

    manifest = run_directory.read_manifest(path)
    if not (path / run_directory.SUMMARY).exists():
        raise RunError(f"{path}: has not been scored to its end; run `apigauge score {path}`.")
    record = manifest["benchmark"]
    name = f"{record.get('name', '')} {record.get('path', '')}"
    if name not in items:
        items[name] = {item.id: item for item in reopen_for(path, record, data_dir).items}
    answers = {(row["item"], row["sample"]): row for row in run_directory.read_rows(path / run_directory.GENERATIONS)}
    rows = [
        item_view(items[name][row["item"]], row, answers.get((row["item"], row["sample"]), {}))
        for row in run_directory.read_rows(path / run_directory.SCORES)
        if row["item"] in items[name]
    ]
    return RunView(path.resolve().name, manifest, run_directory.read_summary(path), rows)


def item_view(item: "Item", row: dict[str, Any], answer: dict[str, Any]) -> "ItemView":
    """One scored answer joined with its question and its row of ``generations.jsonl``."""
    from apigauge.reports.views import ItemView

    extraction = row["extraction"]
    return ItemView(
        id=item.id,
        sample=row["sample"],
        instruction=item.instruction,
        reference_call=item.reference_call,
        reference_program=item.reference_program,
        domain=item.domain,
        text=answer.get("text", ""),
        call=extraction.get("call"),
        program=extraction.get("program"),
        how=extraction.get("how", ""),
        metrics=row["metrics"],
        labels=row["labels"],
        messages=row.get("messages", {}),
        verdict=row.get("verdict"),
        unfinished=row.get("unfinished"),
        reasoning=answer.get("reasoning", ""),
    )
