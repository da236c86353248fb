"""Options that several subcommands share, how they are parsed, and what they mean."""

import argparse
import contextlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from apigauge.errors import UsageError, did_you_mean
from apigauge.harness.cli.output import say, warn

if TYPE_CHECKING:
    from apigauge.benchmarks import Benchmark
    from apigauge.harness.evaluation.sandbox_choice import Kind, SandboxOptions
    from apigauge.harness.executors.types import Executor
    from apigauge.sandboxes import Sandbox


# In a parsed namespace: the options that the command line has, by the attribute that they set.
GIVEN = "given_options"
_PORTS = 65_535


def stored_run(text: str) -> Path:
    """The folder of a run, or of runs; what lies at an address is fetched.

    Raises:
        ApigaugeError: the address cannot be read.
    """
    from apigauge.harness.evaluation import remote

    return remote.fetched(text)


def new_run(text: str) -> Path:
    """The folder that a run is written to; of an address its journal, which is copied there.

    Raises:
        UsageError: it is not the address of a folder.
    """
    from apigauge.harness.evaluation.addresses import journal

    return journal(text)


def local_path(text: str) -> Path:
    """A file or folder of this machine.

    Raises:
        UsageError: it is an address.
    """
    from apigauge.harness.evaluation.addresses import local

    return local(text)


class Parser(argparse.ArgumentParser):
    """A parser that refuses a repeated option of one value, and suggests the nearest choice for a wrong one.

    The parsers of subcommands are of their parent's class, so the whole command line behaves like this.
    """

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.register("action", None, _Store)
        self.register("action", "store", _Store)
        self.register("action", "extend", _Extend)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        if action.choices is not None and value not in action.choices:
            names = [str(choice) for choice in action.choices]
            raise argparse.ArgumentError(
                action, f"invalid choice: {value!r} (choose from {', '.join(names)}{did_you_mean(str(value), names)})"
            )


def _is_first(action: argparse.Action, namespace: argparse.Namespace) -> bool:
    """Whether the command line has the option for the first time; remembers that it has."""
    given = vars(namespace).setdefault(GIVEN, set())
    is_first = action.dest not in given
    given.add(action.dest)
    return is_first


class _Store(argparse.Action):
    """An option that may be given once: argparse would use the last of several values and drop the others silently."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - argparse calls it so
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        """Stores the value."""
        if option_string is not None and not _is_first(self, namespace):
            several = "; write all values after one of them" if self.nargs in ("+", "*") else ""
            raise argparse.ArgumentError(self, f"is given twice, and takes effect once{several}")
        setattr(namespace, self.dest, values)


class _Extend(argparse.Action):
    """An option of several values that may be repeated; what the command line has replaces the default."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,  # noqa: ARG002 - argparse calls it so
        namespace: argparse.Namespace,
        values: Sequence[Any] | str | None,
        option_string: str | None = None,  # noqa: ARG002 - likewise
    ) -> None:
        """Adds the values."""
        before = [] if _is_first(self, namespace) else getattr(namespace, self.dest)
        setattr(namespace, self.dest, [*before, *(values or ())])


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
    parser.add_argument(
        "-n", "--workers", type=workers, metavar="N", help="processes for scoring (default: auto, all cores)"
    )
    add_reasoning(parser)


def add_executor(parser: argparse.ArgumentParser) -> None:
    """``--executor`` and ``--ray-address``."""
    group = parser.add_argument_group("where the work is done")
    group.add_argument(
        "--executor",
        choices=("local", "ray"),
        default="local",
        help="local (default): processes of this machine; ray: scoring and programs on all nodes of a Ray cluster",
    )
    group.add_argument(
        "--ray-address",
        metavar="HOST:PORT",
        help="the head of that cluster, of which this machine is a node (default: $RAY_ADDRESS; without either, Ray is "
        "started on this machine)",
    )


def add_engines(parser: argparse.ArgumentParser) -> None:
    """``--engines``."""
    parser.add_argument(
        "--engines",
        type=positive,
        metavar="N",
        help="with --executor ray: how many engines load an hf: or vllm: model, each on its GPUs or one core (default: "
        "as many as the cluster's GPUs hold; without GPUs the model answers on this machine)",
    )


@contextlib.contextmanager
def executor_for(arguments: argparse.Namespace) -> "Iterator[Executor]":
    """The executor that :func:`add_executor` read, closed afterwards; the local one for a command without the option.

    Raises:
        UsageError: an address is given for the local one.
    """
    from apigauge.harness.executors.choose import opened

    name, address = getattr(arguments, "executor", "local"), getattr(arguments, "ray_address", None)
    with opened(name, address, arguments.workers) as executor:
        yield executor


def add_reasoning(parser: argparse._ActionsContainer) -> None:
    """``--reasoning``."""
    parser.add_argument(
        "--reasoning",
        type=_reasoning,
        metavar="strip|keep|OPEN,CLOSE",
        help="what a model writes before it answers: strip (default) leaves it out, by the tags of the checkpoint's "
        "chat template or by all that are in use; keep scores the whole text; OPEN,CLOSE are tags of your own, such as "
        "'<plan>,</plan>'. A run that exists is scored as it was",
    )


def workers(text: str) -> int | None:
    """The value of ``--workers``; None for all cores."""
    return None if text == "auto" else positive(text)


def _reasoning(text: str) -> str:
    """The value of ``--reasoning``, checked before anything is run."""
    from apigauge.harness.extraction.reasoning_tags import check_mode

    try:
        return check_mode(text)
    except UsageError as error:
        raise argparse.ArgumentTypeError(str(error).removeprefix("--reasoning ")) from error


def add_sandbox(parser: argparse.ArgumentParser, default: str) -> None:
    """``--sandbox`` and the options of a sandbox; ``default`` says what happens without ``--sandbox``."""
    parser.add_argument(
        "--sandbox",
        choices=("auto", "docker", "process", "none"),
        help=f"where programs run; auto takes docker if it is available, else process if bubblewrap is, else none "
        f"(default: {default})",
    )
    add_consent(parser)
    parser.add_argument(
        "--sandbox-workers", type=positive, metavar="N", help="programs run at once (default: as many as cores)"
    )
    parser.add_argument("--runtime", metavar="NAME", help="another OCI runtime for docker, e.g. runsc (unproven)")
    parser.add_argument(
        "--environment",
        metavar="ENV[,ENV...]",
        help="what is installed where programs run: a name, a folder, or packages such as pandas==2.3; several, "
        "separated by commas, score the same answers in each (default: the benchmark's own)",
    )
    parser.add_argument(
        "--hub",
        nargs="+",
        metavar=("MODE", "DIR"),
        help="where programs find models: stand-in (default), snapshot DIR (your own cache), or live",
    )
    parser.add_argument(
        "--inputs",
        choices=("fixtures", "none"),
        help="whether missing files and addresses yield small valid ones (default: the benchmark's own)",
    )


def add_consent(parser: argparse._ActionsContainer) -> None:
    """``--accept-no-isolation``."""
    parser.add_argument(
        "--accept-no-isolation",
        action="store_true",
        help="with --sandbox process, run programs even where bubblewrap does not work: they can then read and change "
        "all that you can, and reach the network",
    )


def positive(text: str) -> int:
    """An argument that must be a whole number above zero."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def count(text: str) -> int:
    """An argument that must be a whole number, 0 or more."""
    return 0 if text == "0" else positive(text)


def port(text: str) -> int:
    """An argument that must be the number of a port; 0 is for any that is free."""
    number = int(text)
    if not 0 <= number <= _PORTS:
        raise argparse.ArgumentTypeError(f"must be from 0 to {_PORTS}")
    return number


def metric_modules(names: list[str] | None) -> list[str]:
    """The modules of these metrics; all without names."""
    from apigauge.harness.metrics.registry import modules_for
    from apigauge.harness.metrics.table import MODULES

    return modules_for(names) if names else list(MODULES)


def sandbox_options(kind: str, arguments: argparse.Namespace) -> "SandboxOptions":
    """What :func:`add_sandbox` read, with this choice of ``--sandbox``."""
    from apigauge.harness.evaluation.sandbox_choice import SandboxOptions

    return SandboxOptions(
        cast("Kind", kind),
        arguments.sandbox_workers,
        arguments.runtime,
        arguments.environment,
        tuple(arguments.hub) if arguments.hub else None,
        arguments.inputs,
        arguments.accept_no_isolation,
    )


def sandbox_for(
    benchmark: "Benchmark",
    kind: str,
    metrics: list[str] | None,
    arguments: argparse.Namespace,
    warn: Callable[[str], None] = warn,
    executor: "Executor | None" = None,
) -> "AbstractContextManager[Sandbox | None]":
    """The sandbox for a benchmark's programs: :func:`apigauge.harness.evaluation.sandbox_choice.sandbox_for`.

    Args:
        benchmark: whose programs.
        kind: a choice of ``--sandbox``.
        metrics: values of ``--metrics``, if any.
        arguments: the options of :func:`add_sandbox`.
        warn: takes the line that programs are not run although they should be.
        executor: on whose machines they run, if not on this one.
    """
    from apigauge.harness.evaluation import sandbox_choice
    from apigauge.harness.executors.local import LocalExecutor

    options = sandbox_options(kind, arguments)
    return sandbox_choice.sandbox_for(benchmark, options, metrics, say, warn, executor or LocalExecutor())


def run_name(benchmark: str, spec: str) -> str:
    """The default name of a run's folder: ``BENCHMARK-MODEL``.

    Raises:
        UsageError: the model's name has no character that a folder's name may have.
    """
    plain = "".join(c if c.isalnum() or c in "-._" else "-" for c in spec).strip("-.")[:80]
    if not plain:
        raise UsageError("--out is needed: the model's name makes no folder name")
    return f"{benchmark}-{plain}"
