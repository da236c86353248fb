"""What subcommands print, and where: results on standard output, everything else on standard error.

How much goes to standard error, and in which form, is one setting, :data:`settings`: ``--quiet`` leaves errors only,
``--verbose`` adds details, ``--log-format json`` writes one JSON object a line. Packages below the command line report
details through ``logging`` (loggers ``apigauge.*``, level DEBUG).
"""

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import IntEnum
from pathlib import Path
from typing import Any, Literal

from apigauge.file_formats import MetricSummary, SamplesRecord, Summary


class Verbosity(IntEnum):
    """How much is written to standard error."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


@dataclass(slots=True)
class Settings:
    """What the command line decided for the whole process."""

    verbosity: Verbosity = Verbosity.NORMAL
    is_json: bool = False


settings = Settings()


def set_verbosity(verbosity: Verbosity) -> None:
    """Applies ``--quiet`` and ``--verbose``, to :func:`say` and to what packages report through ``logging``."""
    settings.verbosity = verbosity
    if verbosity == Verbosity.VERBOSE:
        from apigauge.harness.cli.details import log_details

        log_details(say_detail)


def set_log_format(form: str) -> None:
    """Applies ``--log-format``."""
    settings.is_json = form == "json"


Level = Literal["progress", "note", "detail", "warning", "error"]


def _write(level: Level, message: str, text: str, **more: Any) -> None:
    """One line on standard error: text, or with ``--log-format json`` an object with the message."""
    if settings.is_json:
        record = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), "level": level, "message": message}
        text = json.dumps(record | more)
    print(text, file=sys.stderr)


def say(text: str) -> None:
    """A note for the user: silent with ``--quiet``; never on standard output, which belongs to the result."""
    if settings.verbosity > Verbosity.QUIET:
        _write("note", text.removeprefix("apigauge: "), text)


def say_error(text: str) -> None:
    """An error, which ``--quiet`` does not silence."""
    _write("error", text, f"apigauge: {text}")


def warn(text: str) -> None:
    """What makes the result another than was asked for; ``--quiet`` does not silence it."""
    _write("warning", text, f"apigauge: WARNING: {text}")


def say_detail(text: str) -> None:
    """A detail that only ``--verbose`` shows."""
    if settings.verbosity == Verbosity.VERBOSE:
        _write("detail", text, f"apigauge: {text}")


def say_traceback() -> None:
    """The traceback of the error that is being handled."""
    import traceback

    text = traceback.format_exc().rstrip()
    _write("detail", text, text)


def tell_problems(problems: list[str]) -> None:
    """Notes what was wrong with the input but did not stop the run: the first ten, and how many there were.

    Too many unfinished answers are an error of the experiment, which ``--quiet`` does not silence either.
    """
    from apigauge.harness.evaluation.unfinished import is_problem

    loud = [problem for problem in problems if is_problem(problem)]
    quiet = [problem for problem in problems if not is_problem(problem)]
    for problem in quiet[:10]:
        say(f"apigauge: {problem}")
    if len(quiet) > 10:
        say(f"apigauge: and {len(quiet) - 10} more problems; all are in summary.json")
    for problem in loud:
        warn(problem)


def add_json(parser: argparse.ArgumentParser) -> None:
    """``--json``, for commands that read no benchmark and so have no ``--data-dir``."""
    parser.add_argument("--json", action="store_true", help="print the result as JSON on standard output")


def print_json(value: Mapping[str, Any], long: Mapping[str, Iterable[Any]] | None = None) -> None:
    r"""The machine-readable result; half a surrogate pair, as a server may send it, becomes JSON's own ``\udXXX``.

    Args:
        value: the result.
        long: lists that are not in memory, each printed entry by entry in the place of an empty list of the result.
    """
    for number, (name, entry) in enumerate(value.items()):
        sys.stdout.write(f"{', ' if number else '{'}{_json(name)}: ")
        if long and name in long:
            sys.stdout.write("[")
            for place, one in enumerate(long[name]):
                sys.stdout.write(f"{', ' if place else ''}{_json(one)}")
            sys.stdout.write("]")
        else:
            sys.stdout.write(_json(entry))
    print("}" if value else "{}")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False).encode("utf-8", "backslashreplace").decode("utf-8")


Stages = Callable[[], Mapping[str, int]]


@contextmanager
def progress(what: str, total: int | None, stages: Stages = dict) -> Iterator[Callable[[], None]]:
    """Progress on standard error, with rate and time left; yields the function that advances it by one.

    A bar where standard error is a terminal, plain lines where it is not, so that no log holds control characters;
    nothing with ``--quiet``.

    Args:
        what: is done.
        total: how many; None if that is unknown.
        stages: how many have left each stage of the work, by its name, if it has several.
    """
    if settings.verbosity == Verbosity.QUIET:
        yield lambda: None
    elif sys.stderr.isatty() and os.environ.get("TERM", "") not in ("dumb", "unknown") and not settings.is_json:
        with _bar(what, total, stages) as tick:
            yield tick
    else:
        from apigauge.harness.cli.progress_lines import ProgressLines

        def write(text: str, record: Mapping[str, Any]) -> None:
            _write("progress", text, text, **record)

        lines = ProgressLines(what, total, write, stages=stages)
        try:
            yield lines.tick
        finally:
            lines.close()


@contextmanager
def _bar(what: str, total: int | None, stages: Stages) -> Iterator[Callable[[], None]]:
    from rich.console import Console
    from rich.markup import escape
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    shown = TextColumn("{task.fields[rate]}{task.fields[stages]}")
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), shown)
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(escape(what), total=total, rate="", stages="")

        def tick() -> None:
            speed = bar.tasks[0].finished_speed or bar.tasks[0].speed
            counts = ", ".join(f"{name} {count}" for name, count in stages().items())
            rate = f"{speed:.3g}/s" if speed else ""
            bar.update(task, advance=1, rate=rate, stages=f" ({counts})" if counts else "")

        yield tick


def summary_json(run: Path, summary: Summary) -> dict[str, Any]:
    """A run's result as ``--json`` prints it."""
    from apigauge.harness.evaluation.addresses import shown

    metrics = {
        name: {
            "value": entry["value"],
            "low": entry["low"],
            "high": entry["high"],
            "n": entry["n"],
            "apis": entry.get("clusters"),
            "effective_apis": entry.get("effective_clusters"),
        }
        for name, entry in summary["metrics"].items()
    }
    return {
        "run": shown(run),
        "items": summary["items"],
        "expected": summary["expected"],
        "metrics": metrics,
        "infra_error_rate": summary["infra_error_rate"],
        "unfinished": summary.get("unfinished"),
        "usage": summary.get("usage"),
        "samples": summary.get("samples", {}),
    }


def print_summary(run: Path, summary: Summary, *, as_json: bool) -> None:
    """A run's result: a table for people, or JSON."""
    if as_json:
        print_json(summary_json(run, summary))
        return
    metrics = summary["metrics"]
    from apigauge.harness.cli.tables import Column, print_table
    from apigauge.harness.evaluation import unfinished, usage
    from apigauge.harness.evaluation.addresses import shown

    record = summary.get("unfinished")
    shows_unfinished = bool(record and record["count"])
    rows = []
    for name, entry in metrics.items():
        labels = summary["labels"].get(name, {})
        most = ", ".join(f"{label} {count}" for label, count in list(labels.items())[:4])
        count = (_count(entry),) if shows_unfinished else ()
        rows.append((name, f"{entry['value']:.4f}", f"{entry['low']:.4f} - {entry['high']:.4f}", *count, most))
    rows += [(name, "withheld", "", *([""] * shows_unfinished), "") for name in summary["withheld"]]
    rate = summary["infra_error_rate"]
    notes = [_size(one) for one in sorted(metrics.values(), key=lambda one: -one["n"])[:1] if "clusters" in one]
    notes += [f"{rate:.2%} of the programs could not be run because of a sandbox failure"] if rate else []
    if record and shows_unfinished:
        notes.append(unfinished.words(record))
    if taken := summary.get("usage"):
        notes.append(usage.words(taken))
    print_table(
        (
            Column("metric"),
            Column("value", is_right=True),
            Column("95 % interval", is_right=True),
            *([Column("unfinished", is_right=True)] * shows_unfinished),
            Column("what differs", folds=16),
        ),
        rows,
        title=f"{shown(run)}: {summary['items']} of {summary['expected']} items",
        caption="\n".join(notes),
    )
    _print_samples(summary.get("samples", {}))


def _print_samples(samples: Mapping[str, SamplesRecord]) -> None:
    """What several answers to each question say: pass@k and consistency, each with its interval."""
    from apigauge.harness.cli.tables import Column, print_table

    if not samples:
        return
    names = list(dict.fromkeys(k for record in samples.values() for k in record["pass_at"]))
    rows = []
    for metric, record in samples.items():
        entries = [*(record["pass_at"].get(k) for k in names), record["consistency"]]
        rows.append((metric, *("" if entry is None else _with_interval(entry) for entry in entries)))
    headings = (*(f"pass@{k}" for k in names), "consistency")
    print_table(
        (Column("metric"), *(Column(heading, is_right=True) for heading in headings)),
        rows,
        caption="means over questions, 95 % intervals; consistency: two answers to a question get the same score",
    )


def _with_interval(entry: MetricSummary) -> str:
    return f"{entry['value']:.3f} ({entry['low']:.3f} - {entry['high']:.3f})"


def _size(entry: MetricSummary) -> str:
    """How many answers an interval rests on, about how many APIs."""
    effective = f", effectively {entry['effective_clusters']:.1f}" if "effective_clusters" in entry else ""
    apis = "1 API" if entry["clusters"] == 1 else f"{entry['clusters']} APIs"
    return f"{entry['n']} answers about {apis}{effective}"


def _count(entry: MetricSummary) -> str:
    """How many of a metric's answers are unfinished."""
    return f"{entry.get('unfinished', 0)} ({entry.get('unfinished_share', 0.0):.1%})"
