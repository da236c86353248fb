"""``apigauge rerun``: score a run's stored answers again and say which scores changed, and why."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.harness.cli.shared import add_common, add_scoring, metric_modules, print_json, progress, say

if TYPE_CHECKING:
    from apigauge.harness.evaluation import Change


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declares the command."""
    parser = commands.add_parser("rerun", help="score a run's stored answers again; says what changed and why")
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder")
    add_scoring(parser)
    add_common(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    summary, changes = rescore(arguments.run, arguments)
    if arguments.json:
        rows = [
            {"item": c.item, "sample": c.sample, "metric": c.metric, "old": c.old, "new": c.new, "because": c.because}
            for c in changes
        ]
        print_json({"run": str(arguments.run), "items": summary["items"], "changes": rows})
        return 0
    for change in changes:
        why = "; ".join(change.because) or "nothing in the manifest explains it: were the scores edited?"
        print(f"item {change.item}, sample {change.sample}: {change.metric} {change.old} -> {change.new} ({why})")
    say(f"{arguments.run}: {summary['items']} items scored again, {len(changes)} scores changed")
    return 0


def rescore(run_path: Path, arguments: argparse.Namespace) -> "tuple[dict[str, Any], list[Change]]":
    """Scores a run's answers with the metrics it was made with, or with those asked for."""
    from apigauge.benchmarks import load_benchmark
    from apigauge.harness import runs
    from apigauge.harness.evaluation import score_run
    from apigauge.harness.metrics import MODULES

    manifest = runs.read_json(run_path / runs.MANIFEST)
    benchmark = load_benchmark(manifest.get("benchmark", {}).get("name", ""), arguments.data_dir)
    made_with = [module for module in MODULES if module in manifest.get("metrics", {})]
    modules = metric_modules(arguments.metrics or made_with)
    with progress(f"scoring {benchmark.name}", manifest["benchmark"].get("items")) as tick:
        return score_run(benchmark, run_path, modules, arguments.workers, tick)
