"""``apigauge rerun``: score a run's stored answers again and say which scores changed, and why."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import RunError
from apigauge.harness.cli.options import add_common, add_sandbox, add_scoring, metric_modules, sandbox_for
from apigauge.harness.cli.output import print_json, progress, say, tell_problems

if TYPE_CHECKING:
    from apigauge.harness.evaluation.evaluate import Change


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declares the command."""
    parser = commands.add_parser("rerun", help="score a run's stored answers again; says what changed and why")
    parser.add_argument("run", type=Path, metavar="RUN", help="a run's folder")
    add_scoring(parser)
    add_sandbox(parser, "the kind the run was made with")
    add_common(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    summary, changes = rescore(arguments.run, arguments, otherwise="none")
    tell_problems(summary["problems"])
    if arguments.json:
        rows = [
            {"item": c.item, "sample": c.sample, "metric": c.metric, "old": c.old, "new": c.new, "because": c.because}
            for c in changes
        ]
        print_json({"run": str(arguments.run), "items": summary["items"], "changes": rows})
        return 0
    for change in changes:
        why = "; ".join(change.because) or _unexplained(change.metric)
        print(f"item {change.item}, sample {change.sample}: {change.metric} {change.old} -> {change.new} ({why})")
    say(f"{arguments.run}: {summary['items']} items scored again, {len(changes)} scores changed")
    return 0


def _unexplained(metric: str) -> str:
    from apigauge.harness.metrics.table import is_executed

    chance = "does the program depend on chance, or " if is_executed(metric) else ""
    return f"nothing in the manifest explains it: {chance}were the scores edited?"


def _made_in(run_path: Path, manifest: dict[str, Any]) -> str | None:
    """The kind of sandbox a run was made with; None if it was made without one.

    Raises:
        RunError: it is no kind that can be opened.
    """
    if not (sandbox := manifest.get("sandbox")):
        return None
    kind = sandbox.get("kind") if isinstance(sandbox, dict) else sandbox
    if kind not in ("docker", "process"):
        raise RunError(
            f"{run_path}: was made in a sandbox of kind {kind!r}, which is not here; choose one with --sandbox"
        )
    return str(kind)


def _as_made(run_path: Path, sandbox: dict[str, Any], arguments: argparse.Namespace) -> None:
    """Takes from a run's manifest what the options leave open.

    Raises:
        RunError: it was made with a cache of models whose place nobody wrote down.
    """
    arguments.runtime = arguments.runtime or sandbox.get("runtime")
    arguments.environment = arguments.environment or sandbox.get("environment")
    arguments.inputs = arguments.inputs or (sandbox.get("inputs") or {}).get("mode")
    if (hub := sandbox.get("hub")) and not arguments.hub:
        if hub.get("mode") == "snapshot":
            raise RunError(f"{run_path}: was made with a cache of yours; name it: --hub snapshot DIR")
        arguments.hub = [hub.get("mode")]


def rescore(run_path: Path, arguments: argparse.Namespace, otherwise: str) -> "tuple[dict[str, Any], list[Change]]":
    """Scores a run's answers with the metrics and the kind of sandbox it was made with, or with those asked for.

    ``otherwise`` is the sandbox for a run that was made without one.
    """
    from apigauge.benchmarks import load_benchmark
    from apigauge.harness.evaluation import run_directory
    from apigauge.harness.evaluation.evaluate import score_run
    from apigauge.harness.metrics.table import MODULES, STATIC

    manifest = run_directory.read_json(run_path / run_directory.MANIFEST)
    benchmark = load_benchmark(manifest.get("benchmark", {}).get("name", ""), arguments.data_dir)
    made_with = [module for module in MODULES if module in manifest.get("metrics", {})]
    modules = metric_modules(arguments.metrics or made_with)
    kind = arguments.sandbox or _made_in(run_path, manifest)
    if not arguments.sandbox:
        _as_made(run_path, manifest.get("sandbox") or {}, arguments)
    if not kind:  # a run of chosen metrics keeps to those
        kind = "none" if made_with and not set(made_with) >= set(STATIC) else otherwise
    if manifest.get("sandbox") and kind == "none":
        say(f"{run_path}: scored without a sandbox; exec.* is left out")
    with (
        sandbox_for(benchmark, kind, arguments.metrics, arguments) as sandbox,
        progress(f"scoring {benchmark.name}", manifest["benchmark"].get("items")) as tick,
    ):
        return score_run(benchmark, run_path, modules, arguments.workers, tick, sandbox)
