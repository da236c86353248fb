"""Options and output that several subcommands have in common."""

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from apigauge.errors import SandboxError, UsageError

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
    from apigauge.harness.metrics import MODULES, modules_for

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
    from apigauge.harness.metrics import EXECUTED, modules_for

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
    from apigauge.sandboxes.open import open_sandbox

    try:
        return open_sandbox(
            cast("Literal['auto', 'docker', 'process']", kind),
            arguments.environment or benchmark.environment,
            concurrency=arguments.sandbox_workers,
            runtime=arguments.runtime,
            hub=hub_for(benchmark.models, arguments.hub),
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


def default_out(benchmark: str, spec: str) -> Path:
    """Where a run goes when nobody says: ``runs/BENCHMARK-MODEL``."""
    plain = "".join(c if c.isalnum() or c in "-._" else "-" for c in spec).strip("-.")[:80]
    if not plain:
        raise UsageError("--out is needed: the model's name makes no folder name")
    return Path("runs") / f"{benchmark}-{plain}"


@contextmanager
def progress(what: str, total: int | None) -> Iterator[Callable[[], None]]:
    """A progress bar on standard error; yields the function that moves it by one."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(what, total=total)
        yield lambda: bar.advance(task)


def print_summary(run: Path, summary: dict[str, Any], *, as_json: bool) -> None:
    """A run's result: a table for people, or JSON."""
    metrics = summary["metrics"]
    if as_json:
        kept = ("value", "low", "high", "n")
        print_json(
            {
                "run": str(run),
                "items": summary["items"],
                "expected": summary["expected"],
                "metrics": {name: {key: entry[key] for key in kept} for name, entry in metrics.items()},
                "infra_error_rate": summary["infra_error_rate"],
            }
        )
        return
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
