"""The runs in a folder: what each one is, and how far it has come.

A run is a folder with answers or scores, or with a manifest that names a benchmark and a generator. Nothing is written,
and a damaged run is a state like any other.
"""

import fcntl
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from apigauge.errors import RunError
from apigauge.file_formats import Summary
from apigauge.harness.evaluation.run_directory import (
    GENERATIONS,
    MANIFEST,
    SCORES,
    SUMMARY,
    iterate_rows,
    read_json,
    read_summary,
)

State = Literal["complete", "partial", "not scored", "being written", "damaged"]


@dataclass(frozen=True, slots=True)
class RunEntry:
    """A run as lists show it.

    Attributes:
        path: its folder.
        state: ``partial`` has scores, but not of all items or no summary of them.
        reason: what is damaged.
        benchmark: its name.
        model: the generator's spec.
        created: when it began, in UTC; for older runs when its manifest was last written.
        items: scored; of a run without scores, answered.
        expected: how many items the run asks; None if that is unknown.
        metrics: mean by metric.
        withheld: metrics that are not published because the sandbox failed too often.
        unfinished: how many answers have no end, and their share; None if the run does not say.
    """

    path: Path
    state: State
    created: datetime
    reason: str = ""
    benchmark: str = ""
    model: str = ""
    items: int = 0
    expected: int | None = None
    metrics: dict[str, float] = field(default_factory=dict)
    withheld: tuple[str, ...] = ()
    unfinished: tuple[int, float] | None = None

    def to_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            "run": str(self.path),
            "benchmark": self.benchmark,
            "model": self.model,
            "created": self.created.isoformat(timespec="seconds"),
            "items": self.items,
            "expected": self.expected,
            "metrics": self.metrics,
            "withheld": list(self.withheld),
            "unfinished": self.unfinished and {"count": self.unfinished[0], "share": self.unfinished[1]},
            "state": self.state,
            "reason": self.reason,
        }


def is_run(folder: Path) -> bool:
    """Whether a folder is a run, damaged or not.

    A manifest alone, without answers, is a run's if it cannot be read, or names a benchmark and a generator: labels of
    `apigauge rlaif` and other tools' folders have a ``manifest.json`` too.

    Raises:
        OSError: the folder cannot be read.
    """
    with os.scandir(folder) as entries:
        names = {entry.name for entry in entries}
    if names & {GENERATIONS, SCORES}:
        return True
    return MANIFEST in names and not _is_foreign(folder / MANIFEST)


def _is_foreign(manifest: Path) -> bool:
    try:
        value = json.loads(manifest.read_bytes())
    except (OSError, ValueError, RecursionError):
        return False
    return not (
        isinstance(value, dict) and all(isinstance(value.get(name), dict) for name in ("benchmark", "generator"))
    )


def find_runs(folder: Path, others: list[Path] | None = None) -> list[Path]:
    """The runs in and below a folder, sorted by name; hidden folders are not looked into.

    Args:
        folder: a run itself, or what holds runs. Links are followed; a folder that is reached twice counts once.
        others: gets the folders that neither are runs nor hold any, without the folders in them.
    """
    runs = list(_walk(folder, set(), [] if others is None else others))
    return sorted(runs)


def _walk(folder: Path, visited: set[tuple[int, int]], others: list[Path]) -> Iterator[Path]:
    try:
        status = folder.stat()
        if (status.st_dev, status.st_ino) in visited:
            return
        visited.add((status.st_dev, status.st_ino))
        if is_run(folder):
            yield folder
            return
        children = [child for child in folder.iterdir() if not child.name.startswith(".") and child.is_dir()]
    except OSError:
        others.append(folder)
        return
    rejected: list[Path] = []
    has_runs = False
    # Links last, so that a run has its folder's own name.
    for child in sorted(children, key=lambda child: (child.is_symlink(), child.name)):
        for run in _walk(child, visited, rejected):
            has_runs = True
            yield run
    # A folder without runs is named as a whole, not by everything in it.
    others += rejected if has_runs else [folder]


def inspect_run(run: Path) -> RunEntry:
    """What a run is; never raises because of what is in its folder."""
    created = _modified(run)
    try:
        manifest = read_json(run / MANIFEST)
        benchmark, generator = manifest["benchmark"], manifest.get("generator")
        name, expected = benchmark.get("name"), benchmark.get("items")
        model = generator.get("spec") if isinstance(generator, dict) else None
        created = _created(manifest) or created
        about: dict[str, Any] = {
            "benchmark": name if isinstance(name, str) else "",
            "model": model if isinstance(model, str) else "",
            "expected": expected if isinstance(expected, int) else None,
        }
    except RunError as error:
        return RunEntry(run, "damaged", created, _reason(run, error))
    try:
        return _inspect(run, created, about)
    except (RunError, OSError) as error:
        return RunEntry(run, "damaged", created, _reason(run, error), **about)


def _inspect(run: Path, created: datetime, about: dict[str, Any]) -> RunEntry:
    answered = {row["item"] for row in iterate_rows(run / GENERATIONS)}
    scored = {row["item"] for row in iterate_rows(run / SCORES)}
    summary = read_summary(run) if (run / SUMMARY).exists() else None
    is_whole = summary and summary["items"] == summary["expected"] == (about["expected"] or summary["expected"])
    state: State = "complete" if is_whole else "partial" if scored else "not scored"
    if is_locked(run):
        state = "being written"
    return RunEntry(
        run,
        state,
        created,
        items=len(scored or answered),
        metrics={name: entry["value"] for name, entry in summary["metrics"].items()} if summary else {},
        withheld=tuple(summary["withheld"]) if summary else (),
        unfinished=_unfinished(summary) if summary else None,
        **about,
    )


def _unfinished(summary: Summary) -> tuple[int, float] | None:
    record = summary.get("unfinished")
    return (record["count"], record["share"]) if record else None


def _reason(run: Path, error: RunError | OSError) -> str:
    """An error's message without the run's path at its start."""
    return str(error).removeprefix(f"{run}: ").removeprefix(f"{run}/").removeprefix(f"{run} ")


def _created(manifest: dict[str, Any]) -> datetime | None:
    text = manifest.get("created")
    try:
        created = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return created and (created.replace(tzinfo=UTC) if created.tzinfo is None else created.astimezone(UTC))


def _modified(run: Path) -> datetime:
    for path in (run / MANIFEST, run):
        try:
            return datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except (OSError, ValueError, OverflowError):
            continue
    return datetime.fromtimestamp(0, UTC)


def is_locked(run: Path) -> bool:
    """Whether a process holds the run for writing."""
    try:
        lock = os.open(run / ".lock", os.O_RDONLY)
    except OSError:
        return False
    try:
        fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:  # a file system without locks
        return False
    finally:
        os.close(lock)
    return False
