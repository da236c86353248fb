"""``apigauge report``: a leaderboard and a page for each run."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import ApigaugeError, RunError, UsageError, did_you_mean
from apigauge.extensions import Addition, added
from apigauge.harness.cli.options import add_common
from apigauge.harness.cli.other_harnesses import add_readers, as_runs
from apigauge.harness.cli.output import print_json, progress, say, say_error, warn
from apigauge.reports import formats
from apigauge.reports.tracking import TRACKERS

if TYPE_CHECKING:
    from apigauge.benchmarks import Benchmark, Item
    from apigauge.reports.views import ItemView, RunView

# The formats of --export that come with apigauge; plugins may add others.
OWN = (*formats.NAMES, *TRACKERS)
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
        help=f"files for other programs next to the pages: csv (always), {', '.join(formats.NAMES[1:])}; "
        f"a tracker: {', '.join(TRACKERS)}; or formats of plugins",
    )
    hub = parser.add_argument_group("results in a model's repository on Hugging Face")
    hub.add_argument(
        "--hub-results",
        metavar="ORG/MODEL",
        help="write .eval_results/*.yaml for this repository, and print the command that uploads it",
    )
    hub.add_argument(
        "--hub-dataset",
        metavar="ORG/NAME",
        help="the repository of the benchmark (default: apigauge/ and the benchmark's name)",
    )
    parser.add_argument("--no-published", action="store_true", help="leave out figures printed elsewhere")
    add_common(parser)
    add_readers(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from apigauge.reports.leaderboard import write_site

    exports = [exporter(name) for name in dict.fromkeys(arguments.export)]
    if arguments.hub_dataset and not arguments.hub_results:
        raise UsageError("--hub-dataset: belongs to --hub-results ORG/MODEL")
    with as_runs(arguments.runs, arguments, has_summary=True) as runs:
        views, is_whole = _views(runs, arguments.data_dir)
    hub = _hub_results(arguments, views) if arguments.hub_results else None
    index = write_site(views, arguments.out, published=not arguments.no_published)
    written = [export(views, arguments.out) for export in exports]
    if arguments.json:
        record = {"index": str(index), "runs": [v.name for v in views], "exports": [str(path) for path in written]}
        print_json(record | (hub or {}))
    else:
        print(index)
        if hub:
            print(hub["upload"])
    return 0 if is_whole else RunError.exit_code


def _hub_results(arguments: argparse.Namespace, views: "Sequence[RunView]") -> dict[str, str]:
    """Writes the results for a repository; where they are, and the command that uploads them."""
    from apigauge.reports.formats.hub_results import upload_command, write_results

    written = write_results(views, arguments.out, arguments.hub_results, arguments.hub_dataset)
    for text in written.left_out:
        say(f"left out: {text}")
    return {"hub_results": str(written.folder), "upload": upload_command(arguments.hub_results, written.folder)}


def exporter(name: str) -> Export:
    """What writes a format.

    Raises:
        UsageError: there is no such format.
    """
    if name in formats.NAMES:
        return formats.export(name)
    if name in TRACKERS:
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


def _views(arguments: Sequence[Path], data_dir: Path | None) -> "tuple[list[RunView], bool]":
    """The runs that the arguments name or hold, each once, and whether all that are named are among them.

    What is left out is named.

    Raises:
        RunError: an argument is no run and holds none, or none of those that it holds can be used.
    """
    from apigauge.reports.ordering import ordered

    benchmarks: dict[str, Benchmark] = {}
    views = []
    chosen, left_out = _choose(arguments)
    unusable: list[str] = []
    with progress("reading runs", len(chosen)) as tick:
        for path, is_named in chosen.items():
            try:
                views.append(view(path, data_dir, benchmarks))
            except ApigaugeError as error:
                (unusable if is_named else left_out).append(str(error))
            tick()
    for text in left_out:
        (say if views else say_error)(f"{'apigauge: ' if views else ''}left out: {text}")
    for text in unusable:
        (warn if views else say_error)(f"left out: {text}")
    if not views:
        raise RunError(f"{', '.join(map(str, arguments))}: no run there can be reported; see above.")
    for one in views:
        if one.data_here:
            warn(f"{one.name}: {one.other_data}")
    return ordered(views), not unusable


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


def view(path: Path, data_dir: Path | None, benchmarks: "dict[str, Benchmark]") -> "RunView":
    """A run as the report reads it; ``benchmarks`` keeps them between runs.

    Raises:
        RunError: the folder is no run, or has not been scored, or is damaged.
        DataError: the run's benchmark is not here.
    """
    from apigauge.harness.evaluation import run_directory
    from apigauge.harness.evaluation.questions import reopen_for
    from apigauge.reports.views import RunView

    manifest = run_directory.read_manifest(path)
    if not (path / run_directory.SUMMARY).exists():
        raise RunError(f"{path}: has not been scored to its end; run `apigauge score {path}`.")
    record = manifest["benchmark"]
    name = " ".join(str(record.get(part, "")) for part in ("name", "path", "digest"))
    if name not in benchmarks:
        benchmarks[name] = reopen_for(path, record, data_dir)
    benchmark = benchmarks[name]
    items = {item.id: item for item in benchmark.items}
    summary = run_directory.read_summary(path)
    try:
        answers = {(r["item"], r["sample"]): r for r in run_directory.read_rows(path / run_directory.GENERATIONS)}
        scores = run_directory.read_rows(path / run_directory.SCORES)
        rows = [item_view(items.get(row["item"]), row, answers.get((row["item"], row["sample"]), {})) for row in scores]
        is_same = record.get("digest") in (None, benchmark.digest)
        one = RunView(
            path.resolve().name,
            manifest,
            summary,
            rows,
            benchmark_items=len(items) if is_same else 0,
            data_here="" if is_same else benchmark.digest,
            lost=len({row.id for row in rows} - items.keys()),
        )
        one.check()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{path}: is damaged ({error!r}); `apigauge score {path}` writes its scores again.") from error
    return one


def item_view(item: "Item | None", row: dict[str, Any], answer: dict[str, Any]) -> "ItemView":
    """One scored answer joined with its question, if that is here, and its row of ``generations.jsonl``."""
    from apigauge.reports.views import ItemView

    extraction = row["extraction"]
    return ItemView(
        id=row["item"],
        sample=row["sample"],
        instruction=item.instruction if item else "The question is not in the data here.",
        reference_call=item.reference_call if item else "",
        reference_program=item.reference_program if item else "",
        domain=item.domain if item else "",
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
        api=item.api if item else "",
    )
