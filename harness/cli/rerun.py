"""``apigauge rerun``: score a run's stored answers again and say which scores changed, and why."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from apigauge.errors import RunError
from apigauge.harness.cli.options import (
    add_common,
    add_executor,
    add_sandbox,
    add_scoring,
    executor_for,
    metric_modules,
    sandbox_for,
    stored_run,
)
from apigauge.harness.cli.output import print_json, progress, say, tell_problems
from apigauge.harness.cli.versions import only_environment
from apigauge.harness.evaluation.addresses import shown

if TYPE_CHECKING:
    from apigauge.benchmarks.types import Benchmark
    from apigauge.file_formats import Manifest, SandboxRecord, Summary
    from apigauge.harness.evaluation.rescore import Change


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    parser.add_argument(
        "run", type=stored_run, metavar="RUN", help="a run's folder; with --metrics its other scores stay"
    )
    add_scoring(parser)
    add_sandbox(parser, "the kind that made the run")
    add_executor(parser)
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
        print_json({"run": shown(arguments.run), "items": summary["items"], "changes": rows})
        return 0
    for change in changes:
        why = "; ".join(change.because) or _unexplained(change.metric)
        print(f"item {change.item}, sample {change.sample}: {change.metric} {change.old} -> {change.new} ({why})")
    say(f"{shown(arguments.run)}: {summary['items']} items scored again, {len(changes)} scores changed")
    return 0


def _unexplained(metric: str) -> str:
    from apigauge.harness.metrics.table import is_executed

    randomness = "is the program's outcome random, or " if is_executed(metric) else ""
    return f"nothing in the manifest explains it: {randomness}were the scores edited?"


def _sandbox_kind(run_path: Path, manifest: "Manifest") -> str | None:
    """The kind of sandbox a run was made with; None if it was made without one.

    Raises:
        RunError: sandboxes of that kind do not exist.
    """
    if not (sandbox := manifest.get("sandbox")):
        return None
    kind = sandbox.get("kind") if isinstance(sandbox, dict) else sandbox
    if kind not in ("docker", "process"):
        raise RunError(
            f"{run_path}: was made in a sandbox of kind {kind!r}, which does not exist; choose one with --sandbox"
        )
    return str(kind)


def _fill_in(run_path: Path, sandbox: "SandboxRecord", arguments: argparse.Namespace) -> None:
    """Sets the sandbox options that the command line leaves out to those of a run's manifest.

    Raises:
        RunError: it was made with a cache of models whose path is not recorded.
    """
    arguments.runtime = arguments.runtime or sandbox.get("runtime")
    arguments.environment = arguments.environment or _environment_of(sandbox)
    arguments.inputs = arguments.inputs or (sandbox.get("inputs") or {}).get("mode")
    if (hub := sandbox.get("hub")) and not arguments.hub:
        if hub.get("mode") == "snapshot":
            raise RunError(f"{run_path}: was made with your own cache of models; name it: --hub snapshot DIR")
        arguments.hub = [hub.get("mode")]


def _environment_of(sandbox: "SandboxRecord") -> str | None:
    """The environment of a run's manifest as ``--environment`` takes it; None for one that the benchmark brings."""
    from apigauge.sandboxes.environments import names

    name = sandbox.get("environment")
    return sandbox.get("environment_source") or (name if name in names() and not sandbox.get("environments") else None)


def rescore(run_path: Path, arguments: argparse.Namespace, otherwise: str) -> "tuple[Summary, list[Change]]":
    """Scores a run's answers anew: by the metrics and in the kind of sandbox that made the run, or by those of options.

    Scores of metrics that ``--metrics`` does not name stay as they are.

    Args:
        run_path: the run's folder.
        arguments: of the command.
        otherwise: the sandbox for a run that was made without one.

    Raises:
        RunError: the run has scores by a plugin that is not installed, and no metrics are named.
    """
    from apigauge.benchmarks import reopen
    from apigauge.harness.evaluation import run_directory
    from apigauge.harness.evaluation.rescore import score_run
    from apigauge.harness.metrics.table import MODULES

    only_environment(arguments, "a run")
    manifest = run_directory.read_manifest(run_path)
    benchmark = reopen(manifest["benchmark"], arguments.data_dir)
    gone = sorted({one["module"] for one in manifest.get("plugin_metrics", {}).values()} - {*MODULES})
    if gone and not arguments.metrics:
        raise RunError(
            f"{run_path}: was scored by {', '.join(gone)} too, of a plugin that is not installed here, and its scores "
            "would be lost. Install it, or name with --metrics what is to be scored again; the other scores stay."
        )
    modules = metric_modules(
        arguments.metrics or [module for module in MODULES if module in manifest.get("metrics", {})]
    )
    kind = _kind(run_path, manifest, arguments, otherwise, benchmark)
    if kind != "none" and not arguments.sandbox:
        _fill_in(run_path, manifest.get("sandbox") or {}, arguments)
    if manifest.get("sandbox") and kind == "none" and not arguments.metrics:
        say(f"{run_path}: scored without a sandbox; exec.* is left out")
    with (
        executor_for(arguments) as executor,
        sandbox_for(benchmark, kind, arguments.metrics, arguments, executor=executor) as sandbox,
        progress(f"scoring {benchmark.name}", manifest["benchmark"].get("items")) as tick,
    ):
        return score_run(
            benchmark,
            run_path,
            modules,
            arguments.workers,
            tick,
            sandbox,
            keep_others=bool(arguments.metrics),
            reasoning=arguments.reasoning,
            executor=executor,
        )


def _kind(
    run_path: Path, manifest: "Manifest", arguments: argparse.Namespace, otherwise: str, benchmark: "Benchmark"
) -> str:
    """The kind of sandbox to score a run in."""
    from apigauge.harness.evaluation.sandbox_choice import names_executed
    from apigauge.harness.metrics.registry import applicable
    from apigauge.harness.metrics.table import STATIC

    if arguments.sandbox:
        return str(arguments.sandbox)
    if arguments.metrics and not names_executed(arguments.metrics):
        return "none"
    if kind := _sandbox_kind(run_path, manifest):
        return kind
    if arguments.metrics:
        return "auto"
    # A run of chosen metrics keeps to those.
    modules = manifest.get("metrics", {})
    return "none" if modules and not set(modules) >= set(applicable([*STATIC], benchmark)) else otherwise
