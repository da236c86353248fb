"""``apigauge report``: a leaderboard and a page for each run."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.harness.cli.options import add_common
from apigauge.harness.cli.output import print_json, progress

if TYPE_CHECKING:
    from apigauge.benchmarks import Item
    from apigauge.reports.views import ItemView, RunView


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declares the command."""
    parser = commands.add_parser("report", help="write an HTML leaderboard of runs")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN", help="folders of runs")
    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="where the pages go")
    parser.add_argument("--no-published", action="store_true", help="leave out figures printed elsewhere")
    add_common(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from apigauge.reports.export import write_csv
    from apigauge.reports.leaderboard import write_site

    items: dict[str, dict[str, Item]] = {}
    views = []
    with progress("reading runs", len(arguments.runs)) as tick:
        for path in arguments.runs:
            views.append(view(path, arguments.data_dir, items))
            tick()
        index = write_site(views, arguments.out, published=not arguments.no_published)
        write_csv(views, arguments.out)
    if arguments.json:
        print_json({"index": str(index), "runs": [v.name for v in views]})
    else:
        print(index)
    return 0


def view(path: Path, data_dir: Path | None, items: "dict[str, dict[str, Item]]") -> "RunView":
    """A run as the report reads it; ``items`` keeps each benchmark's items between runs.

    Raises:
        RunError: the folder is no run, or has not been scored.
        DataError: the run's benchmark is not here.
    """
    from apigauge.benchmarks import load_benchmark
    from apigauge.errors import RunError
    from apigauge.harness.evaluation import run_directory
    from apigauge.reports.views import RunView

    manifest = run_directory.read_json(path / run_directory.MANIFEST)
    if not (path / run_directory.SUMMARY).exists():
        raise RunError(f"{path}: has not been scored to its end; run `apigauge score {path}`.")
    name = manifest.get("benchmark", {}).get("name", "")
    if name not in items:
        items[name] = {item.id: item for item in load_benchmark(name, data_dir).items}
    texts = {
        (row["item"], row["sample"]): row["text"] for row in run_directory.read_rows(path / run_directory.GENERATIONS)
    }
    rows = [
        item_view(items[name][row["item"]], row, texts.get((row["item"], row["sample"]), ""))
        for row in run_directory.read_rows(path / run_directory.SCORES)
        if row["item"] in items[name]
    ]
    return RunView(path.resolve().name, manifest, run_directory.read_json(path / run_directory.SUMMARY), rows)


def item_view(item: "Item", row: dict[str, Any], text: str) -> "ItemView":
    """One scored answer joined with its question and its text."""
    from apigauge.reports.views import ItemView

    extraction = row["extraction"]
    return ItemView(
        id=item.id,
        sample=row["sample"],
        instruction=item.instruction,
        reference_call=item.reference_call,
        reference_program=item.reference_program,
        domain=item.domain,
        text=text,
        call=extraction["call"],
        program=extraction["program"],
        how=extraction["how"],
        metrics=row["metrics"],
        labels=row["labels"],
        messages=row.get("messages", {}),
        verdict=row["verdict"],
    )
