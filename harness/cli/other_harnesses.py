"""Results of other harnesses where a command takes a run: read into a temporary run directory."""

import argparse
import contextlib
import math
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import ApigaugeError, UsageError

if TYPE_CHECKING:
    from apigauge.harness.readers.types import Options

_NAMES = ("cluster", "task", "lower_is_better", "higher_is_better", "top")


def add_readers(parser: argparse.ArgumentParser) -> None:
    """The options that say what a log of another harness does not."""
    group = parser.add_argument_group(
        "results of other harnesses (CSV, JSON lines, logs; see docs/how-to/other-harnesses.md)"
    )
    group.add_argument(
        "--cluster", metavar="NAME", help="the field that says what a question is about (default: each stands alone)"
    )
    group.add_argument("--task", metavar="NAME", help="of a log with several tasks, only this one")
    for direction, size in (("lower", "small"), ("higher", "large")):
        group.add_argument(
            f"--{direction}-is-better",
            nargs="+",
            action="extend",
            default=[],
            metavar="METRIC",
            help=f"metrics of which {size} values are good, where the log does not say",
        )
    group.add_argument(
        "--top",
        nargs="+",
        action="extend",
        default=[],
        type=_top,
        metavar="METRIC=NUMBER",
        help="a metric's largest value, if that is not 1",
    )


def _top(text: str) -> tuple[str, float]:
    name, sign, number = text.rpartition("=")
    value = float(number)
    if not (sign and name and 0 < value < math.inf):
        raise argparse.ArgumentTypeError(f"{text!r}: the form is METRIC=NUMBER, such as bleu=100")
    return name, value


def options_of(arguments: argparse.Namespace, **more: Any) -> "Options":
    """What :func:`add_readers` read."""
    from apigauge.harness.readers.types import Options

    return Options(
        cluster=arguments.cluster or "",
        task=arguments.task or "",
        lower=frozenset(arguments.lower_is_better),
        higher=frozenset(arguments.higher_is_better),
        tops=dict(arguments.top),
        **more,
    )


@contextlib.contextmanager
def as_runs(paths: Sequence[Path], arguments: argparse.Namespace, **more: Any) -> Iterator[list[Path]]:
    """The same paths, with a run directory in the place of each that another harness wrote.

    Args:
        paths: runs, baselines, logs of other harnesses.
        arguments: with those of :func:`add_readers`.
        more: ``metrics``, ``is_asking`` and ``has_texts`` of :class:`~apigauge.harness.readers.types.Options`;
            ``is_compared`` if the runs must have the same questions; ``has_summary`` if their summaries are wanted.

    Raises:
        RunError: a log is damaged.
        UsageError: an option makes no sense, or one is needed.
    """
    from apigauge.harness.readers import reading

    is_compared, has_summary = more.pop("is_compared", False), more.pop("has_summary", False)
    readers = [reading.reader_for(path) for path in paths]
    if not any(readers):
        if given := [name for name in _NAMES if getattr(arguments, name)]:
            raise UsageError(f"--{given[0].replace('_', '-')} is for results of other harnesses, and none is given")
        yield list(paths)
        return
    from apigauge.harness.readers import run_files

    options = options_of(arguments, **more)
    with tempfile.TemporaryDirectory(prefix="apigauge-") as folder:
        logs = [(path, *reading.read(path, options, one)) for path, one in zip(paths, readers, strict=True) if one]
        digest = run_files.common_digest([(path, log) for path, log, _ in logs]) if _is_pair(logs, is_compared) else ""
        runs: dict[Path, Path] = {}
        for number, (path, log, infos) in enumerate(logs):
            runs[path] = Path(folder) / str(number) / (path.resolve().name or "log")
            run_files.write(log, infos, path, runs[path], digest=digest)
            if has_summary:
                run_files.add_summary(runs[path])
        del logs
        try:
            yield [runs.get(path, path) for path in paths]
        except ApigaugeError as error:
            text = str(error)
            for path, run in runs.items():
                text = text.replace(str(run), str(path))
            raise type(error)(text) from error


def _is_pair(logs: Sequence[tuple[Path, Any, Any]], is_compared: bool) -> bool:
    return is_compared and len(logs) > 1 and len({(log.harness, log.task) for _, log, _ in logs}) == 1
