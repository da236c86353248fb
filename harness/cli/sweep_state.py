"""How far the cells of a sweep have come: ``sweep.json`` in its folder, and the runs themselves."""

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from apigauge.errors import RunError
from apigauge.harness.cli.sweep_file import Cell
from apigauge.harness.evaluation.run_directory import GENERATIONS, SUMMARY, read_json, read_summary, write_json

FILE = "sweep.json"
State = Literal["planned", "running", "partial", "complete", "failed"]
_BLOCK = 1 << 20


@dataclass(slots=True)
class Entry:
    """One cell, as ``sweep.json`` has it.

    Attributes:
        cell: its name, which is that of its folder.
        options: of ``apigauge run``, by long name.
        state: ``partial`` has answers, and not to all of its questions.
        items: questions; 0 while that is unknown.
        expected: answers to all of them, with all samples.
        answered: answers so far.
        tokens: of prompts and answers; a cell that shares another's answers has none.
        dollars: likewise, by the prices given; None without a price.
        dollars_at_most: an upper bound of what the missing answers cost; None without a price.
        seconds: all parts of its run together.
        metrics: mean by metric, of a run that has been scored.
        error: why it failed, or why it is partial.
    """

    cell: str
    options: dict[str, Any]
    state: State = "planned"
    items: int = 0
    expected: int = 0
    answered: int = 0
    tokens: int = 0
    dollars: float | None = None
    dollars_at_most: float | None = None
    seconds: float = 0.0
    metrics: dict[str, float] = field(default_factory=dict)
    error: str = ""


class Board:
    """The entries of a sweep's cells, by name.

    Args:
        out: the sweep's folder.
        cells: of its file. What the folder knows of a cell with other options is dropped.
    """

    def __init__(self, out: Path, cells: Sequence[Cell]) -> None:
        self.out = out
        former = _former(out / FILE)
        self.entries = {cell.name: former.get(cell.name) or Entry(cell.name, dict(cell.options)) for cell in cells}
        for cell in cells:
            entry = self.entries[cell.name]
            if entry.options != cell.options:
                self.entries[cell.name] = entry = Entry(cell.name, dict(cell.options))
            self.refresh(entry)

    def __iter__(self) -> Iterator[Entry]:
        return iter(self.entries.values())

    def __getitem__(self, name: str) -> Entry:
        return self.entries[name]

    def folder(self, name: str) -> Path:
        """A cell's run."""
        return self.out / name

    def refresh(self, entry: Entry) -> None:
        """Reads how many answers a cell's run has, and its scores; a complete one that has lost some is partial."""
        from apigauge.harness.cli.find_runs import is_locked

        run = self.folder(entry.cell)
        entry.answered = count_lines(run / GENERATIONS)
        entry.metrics, is_whole = {}, False
        with contextlib.suppress(RunError):
            summary = read_summary(run)
            entry.metrics = {name: one["value"] for name, one in summary["metrics"].items()}
            is_whole = summary["items"] == summary["expected"] == entry.items
        if entry.state == "complete" and not (is_whole and entry.answered >= entry.expected):
            entry.state = "partial"
        if entry.state == "running" and not is_locked(run):
            entry.state = "partial"
        if entry.state == "partial" and not entry.answered:
            entry.state = "planned"

    def is_scored(self, name: str) -> bool:
        """Whether a cell's run has a summary."""
        return (self.folder(name) / SUMMARY).exists()

    def save(self) -> None:
        """Writes the file, atomically.

        Raises:
            OSError: it cannot be written.
        """
        write_json(self.out / FILE, self.to_json())

    def to_json(self) -> dict[str, Any]:
        """The file's content."""
        return {"cells": [asdict(entry) for entry in self], **self.totals()}

    def totals(self) -> dict[str, Any]:
        """Sums over all cells."""
        dollars = [entry.dollars for entry in self if entry.dollars is not None]
        return {
            "complete": sum(entry.state == "complete" for entry in self),
            "failed": sum(entry.state == "failed" for entry in self),
            "answered": sum(entry.answered for entry in self),
            "expected": sum(entry.expected for entry in self),
            "tokens": sum(entry.tokens for entry in self),
            "dollars": sum(dollars) if dollars else None,
            "seconds": round(sum(entry.seconds for entry in self), 3),
        }


def _former(file: Path) -> dict[str, Entry]:
    """The entries of an earlier command; none where the file is missing, damaged or of another version."""
    try:
        return {record["cell"]: Entry(**record) for record in read_json(file)["cells"]}
    except (RunError, KeyError, TypeError):
        return {}


def count_lines(file: Path) -> int:
    """How many whole lines a file has; 0 if there is none."""
    count = 0
    with contextlib.suppress(OSError), file.open("rb") as opened:
        while block := opened.read(_BLOCK):
            count += block.count(b"\n")
    return count
