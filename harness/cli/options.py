"""Options that several subcommands share, and what they mean."""

import argparse
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from apigauge.errors import SandboxError, UsageError
from apigauge.harness.cli.output import say

if TYPE_CHECKING:
    from apigauge.benchmarks import Benchmark
    from apigauge.sandboxes import Sandbox
    from apigauge.sandboxes.hubs import Hub


def add_common(parser: argparse.ArgumentParser) -> None:
    """``--json`` and ``--data-dir``."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON on standard output")
    parser.add_argument(
        "--data-dir", type=Path, metavar="DIR", help="where benchmark data is (default: $APIGAUGE_DATA, then the cache)"
    )


def add_scoring(parser: argparse.ArgumentParser) -> None:
    """``--metrics`` and ``--workers``."""
    parser.add_argument(
        "--metrics",
        nargs="+",
        metavar="NAME",
        help="only these metrics (default: all; a module's name means all of its)",
    )
    parser.add_argument("--workers", type=positive, metavar="N", help="processes for scoring (default: all cores)")


def add_sandbox(parser: argparse.ArgumentParser, default: str) -> None:
    """``--sandbox`` and its like; ``default`` says what happens without the first."""
    parser.add_argument(
        "--sandbox",
        choices=("auto", "docker", "process", "none"),
        help=f"where programs run; auto takes the best one there is (default: {default})",
    )
    parser.add_argument(
        "--sandbox-workers", type=positive, metavar="N", help="programs run at once (default: as many as cores)"
    )
    parser.add_argument("--runtime", metavar="NAME", help="another OCI runtime for docker, e.g. runsc")
    parser.add_argument(
        "--environment", metavar="ENV", help="what is installed where programs run (default: the benchmark's own)"
    )
    parser.add_argument(
        "--hub",
        nargs="+",
        metavar=("MODE", "DIR"),
        help="where programs find models: stand-in (default), snapshot DIR (a cache of yours), or live",
    )
    parser.add_argument(
        "--inputs",
        choices=("fixtures", "none"),
        help="whether files and addresses that are not there yield small valid ones (default: the benchmark's own)",
    )


def positive(text: str) -> int:
    """An argument that must be a whole number above zero."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def metric_modules(names: list[str] | None) -> list[str]:
    """The metric modules asked for."""
    from apigauge.harness.metrics.registry import modules_for
    from apigauge.harness.metrics.table import MODULES

    return modules_for(names) if names else list(MODULES)


@contextmanager
def sandbox_for(
    benchmark: "Benchmark", kind: str, metrics: list[str] | None, arguments: argparse.Namespace
) -> "Iterator[Sandbox | None]":
    """The sandbox to run a benchmark's programs in, closed afterwards; None if they are not to be run.

    Args:
        benchmark: whose programs.
        kind: a choice of ``--sandbox``. Only ``auto`` does without if none can be had, and says so.
        metrics: the metrics asked for by name, if any: without ``exec.*`` among them nothing is run.
        arguments: the options of :func:`add_sandbox`.

    Raises:
        UsageError: what was asked for excludes itself, or the benchmark's programs cannot be run at all.
        SandboxError: the sandbox asked for cannot be had.
    """
    sandbox = _open_sandbox(benchmark, kind, metrics, arguments)
    try:
        yield sandbox
    finally:
        if sandbox:
            sandbox.close()


def _open_sandbox(
    benchmark: "Benchmark", kind: str, metrics: list[str] | None, arguments: argparse.Namespace
) -> "Sandbox | None":
    from apigauge.harness.metrics.registry import modules_for
    from apigauge.harness.metrics.table import EXECUTED

    named = bool(metrics) and any(module in EXECUTED for module in modules_for(metrics or []))
    if kind == "none" and named:
        raise UsageError("--metrics names exec.*, which --sandbox none does not measure; leave out one of the two")
    if kind == "none" or (metrics and not named):
        return None
    if not benchmark.environment:
        nowhere = f"{benchmark.name} has no environment to run programs in"
        if kind != "auto" or named:
            raise UsageError(f"{nowhere}: leave out {f'--sandbox {kind}' if kind != 'auto' else 'exec.*'}")
        say(f"apigauge: {nowhere}; exec.* is not measured")
        return None
    from apigauge.sandboxes.factory import open_sandbox

    try:
        return open_sandbox(
            cast("Literal['auto', 'docker', 'process']", kind),
            arguments.environment or benchmark.environment,
            concurrency=arguments.sandbox_workers,
            runtime=arguments.runtime,
            hub=hub_for(benchmark.hub, arguments.hub),
            inputs=arguments.inputs or benchmark.inputs,
            say=say,
        )
    except SandboxError as error:
        if kind != "auto" or named:
            raise
        say(f"apigauge: programs are not run, exec.* is not measured: {error}")
        return None


def hub_for(models: str, asked: list[str] | None) -> "Hub | None":
    """The hub of that name in the mode asked for with ``--hub``; None for a benchmark that loads no models.

    Raises:
        UsageError: the mode is not one of the three, or lacks its folder.
        SandboxError: the stand-in hub is not built.
    """
    from apigauge.sandboxes import hubs

    mode, *rest = asked or ["stand-in"]
    if mode not in hubs.MODES or len(rest) != (mode == "snapshot"):
        raise UsageError(f"--hub {' '.join(asked or [])}: give stand-in, live, or snapshot DIR")
    if not models:
        if asked:
            raise UsageError("--hub: this benchmark's programs load no models; leave the option out")
        return None
    if mode == "snapshot":
        return hubs.snapshot_hub(models, Path(rest[0]))
    return hubs.live_hub(models) if mode == "live" else hubs.stand_in_hub(models)


def default_out(benchmark: str, spec: str) -> Path:
    """Where a run goes when nobody says: ``runs/BENCHMARK-MODEL``."""
    plain = "".join(c if c.isalnum() or c in "-._" else "-" for c in spec).strip("-.")[:80]
    if not plain:
        raise UsageError("--out is needed: the model's name makes no folder name")
    return Path("runs") / f"{benchmark}-{plain}"
