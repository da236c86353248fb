"""Which sandbox runs a benchmark's programs, or none: the same rules for the command line and for Python."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from apigauge.benchmarks.types import Benchmark
from apigauge.errors import SandboxError, UsageError, did_you_mean
from apigauge.harness.executors.local import LocalExecutor
from apigauge.harness.executors.types import Executor, Say
from apigauge.harness.metrics.registry import modules_for
from apigauge.harness.metrics.table import EXECUTED
from apigauge.sandboxes.verdict import Sandbox

if TYPE_CHECKING:
    from apigauge.sandboxes.environments import Environment
    from apigauge.sandboxes.factory import Kind as SandboxKind
    from apigauge.sandboxes.hubs import Hub
    from apigauge.sandboxes.inputs import Inputs

Kind = Literal["auto", "docker", "process", "none"]
_LOCAL = LocalExecutor()


@dataclass(frozen=True, slots=True)
class SandboxOptions:
    """How programs are run.

    Attributes:
        kind: ``docker``, ``process``, ``none``, or ``auto``: the best one that is available, else none.
        workers: programs run at once; as many as cores by default.
        runtime: another OCI runtime for docker, e.g. ``runsc``.
        environment: what is installed where programs run; the benchmark's own by default.
        hub: where programs find models: ``stand-in`` (the default of None), ``live``, or ``snapshot`` and a folder.
        inputs: ``fixtures`` or ``none``; the benchmark's own by default.
        accepts_no_isolation: whether ``process`` may run programs without isolation where bubblewrap does not work.
    """

    kind: Kind = "auto"
    workers: int | None = None
    runtime: str | None = None
    environment: str | None = None
    hub: tuple[str, ...] | None = None
    inputs: Literal["fixtures", "none"] | None = None
    accepts_no_isolation: bool = False


@contextmanager
def sandbox_for(
    benchmark: Benchmark,
    options: SandboxOptions,
    metrics: Sequence[str] | None,
    say: Say,
    warn: Say | None = None,
    executor: Executor = _LOCAL,
) -> Iterator[Sandbox | None]:
    """The sandbox to run a benchmark's programs in, closed afterwards; None if they are not to be run.

    Args:
        benchmark: whose programs.
        options: only the kind ``auto`` does without a sandbox if none is available, and warns of it.
        metrics: the metrics selected by name, if any: without ``exec.*`` among them nothing is run.
        say: takes a line for the person.
        warn: takes the line that programs are not run although they should be; ``say`` by default.
        executor: on whose machines they run.

    Raises:
        UsageError: options exclude each other, or the benchmark's programs cannot be run at all.
        SandboxError: the requested sandbox is unavailable.
    """
    sandbox = _open(benchmark, options, metrics, say, warn or say, executor)
    try:
        yield sandbox
    finally:
        if sandbox:
            sandbox.close()


def _open(
    benchmark: Benchmark,
    options: SandboxOptions,
    metrics: Sequence[str] | None,
    say: Say,
    warn: Say,
    executor: Executor,
) -> Sandbox | None:
    is_required = names_executed(metrics)
    kind = options.kind
    if options.accepts_no_isolation and kind != "process":
        raise UsageError(f"--accept-no-isolation: is for --sandbox process; {kind} runs no program without isolation")
    if kind == "none" and is_required:
        raise UsageError("--metrics names exec.*, which --sandbox none does not measure; leave out one of the two")
    if kind == "none" or (metrics and not is_required):
        return None
    own = () if options.environment else item_environments(benchmark)
    name = options.environment or benchmark.environment or (own[0] if own else "")
    if not name:
        reason = f"{benchmark.name} has no environment to run programs in"
        if kind != "auto" or is_required:
            raise UsageError(f"{reason}: leave out {f'--sandbox {kind}' if kind != 'auto' else 'exec.*'}")
        say(f"apigauge: {reason}; exec.* is not measured")
        return None
    try:
        hub, inputs = benchmark.hub, options.inputs or benchmark.inputs
        return executor.sandbox(partial(_open_all, options, kind, name, own, hub, inputs), say)
    except SandboxError as error:
        if kind != "auto" or is_required:
            raise
        warn(f"programs are not run, exec.* is not measured: {error}")
        return None


def _open_all(
    options: SandboxOptions,
    kind: "SandboxKind",
    name: str,
    own: Sequence[str],
    hub: str,
    inputs: "Inputs",
    cores: int | None,
    say: Say,
) -> Sandbox:
    """The sandbox of an environment, and those of the environments that items have for themselves, when needed."""
    from apigauge.sandboxes.environments.find import find
    from apigauge.sandboxes.factory import open_sandbox
    from apigauge.sandboxes.several import SeveralSandboxes

    def place(text: str) -> "str | Environment":
        # A folder in the benchmark is found by way of the benchmark, wherever that lies.
        is_own = not options.environment and Path(text, "environment.json").is_file()
        return replace(find(text, say), source="") if is_own else text

    def open_one(text: str) -> Sandbox:
        return open_sandbox(
            kind,
            place(text),
            concurrency=options.workers or cores,
            runtime=options.runtime,
            hub=hub_for(hub, options.hub),
            inputs=inputs,
            accepts_no_isolation=options.accepts_no_isolation,
            say=say,
        )

    if not own:
        return open_one(name)
    locks = {one.name: one.lock_digest[:12] for one in (find(text, say) for text in own)}
    return SeveralSandboxes(open_one(name), locks, open_one)


def item_environments(benchmark: Benchmark) -> tuple[str, ...]:
    """The environments that items have for themselves, sorted."""
    return tuple(sorted({item.environment for item in (*benchmark.rows, *benchmark.items)} - {""}))


def names_executed(metrics: Sequence[str] | None) -> bool:
    """Whether a metric that programs must run for is among these names."""
    return bool(metrics) and any(module in EXECUTED for module in modules_for(metrics or []))


def hub_for(hub: str, choice: Sequence[str] | None, *, is_opened: bool = True) -> "Hub | None":
    """The hub of that name in the chosen mode; None for a benchmark that loads no models.

    Args:
        hub: of the benchmark; empty if its programs load no models.
        choice: as for ``--hub``: a mode, and for ``snapshot`` its folder; the stand-in hub by default.
        is_opened: whether a live hub's folder is created; without, None is returned for a live hub.

    Raises:
        UsageError: the mode is not one of the three, or lacks its folder.
        SandboxError: the stand-in hub is not built.
    """
    from apigauge.sandboxes import hubs

    mode, *rest = choice or ["stand-in"]
    if mode not in hubs.MODES or len(rest) != (mode == "snapshot"):
        hint = "" if mode in hubs.MODES else did_you_mean(mode, hubs.MODES)
        raise UsageError(f"--hub {' '.join(choice or [])}: give stand-in, live, or snapshot DIR{hint}")
    if not hub:
        if choice:
            raise UsageError("--hub: this benchmark's programs load no models; leave the option out")
        return None
    if mode == "snapshot":
        return hubs.snapshot_hub(hub, Path(rest[0]))
    if mode == "live":
        return hubs.live_hub(hub) if is_opened else None
    return hubs.stand_in_hub(hub)
