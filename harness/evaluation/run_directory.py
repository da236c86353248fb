"""The run directory: one generator on one benchmark, readable by ``cat``.

``generations.jsonl`` and ``scores.jsonl`` grow by whole lines, each written with one call. A last line without a line
end was torn by a crash and is dropped on the next start. A row's key is (item, sample); a second row with a key is
ignored. So killing the process at any instant loses at most the answer in flight and never counts one twice.

The fields of the files are documented in :mod:`apigauge.file_formats`.
"""

import contextlib
import fcntl
import json
import os
import threading
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from apigauge.errors import RunError
from apigauge.file_formats import GenerationRow, Manifest, ScoreRow, Summary
from apigauge.harness.evaluation import keys, remote
from apigauge.harness.metrics import table

SCHEMA_VERSION = 1
MANIFEST, GENERATIONS, SCORES, SUMMARY = "manifest.json", "generations.jsonl", "scores.jsonl", "summary.json"
# Entries of a manifest that may differ between two runs whose scores must not.
NOT_IDENTIFYING = ("created", "host", "timings", "cache", "price", "plugin_metrics", "source")

Key = keys.Key
# In bytes, what is read at once of a file's end.
_BLOCK = 1 << 16

_KEY_FIELDS: dict[str, type] = {"item": str, "sample": int}
_FIELDS: dict[str, dict[str, type]] = {
    GENERATIONS: _KEY_FIELDS | {"text": str},
    SCORES: _KEY_FIELDS | {"extraction": dict, "metrics": dict, "labels": dict},
}


def read_manifest(run: Path) -> Manifest:
    """A run's ``manifest.json``; the metrics of plugins that it describes are known from then on.

    Raises:
        RunError: the directory is no run, or the file is damaged.
    """
    record = read_json(run / MANIFEST)
    table.remember(record.get("plugin_metrics"))
    return cast("Manifest", record)


def read_summary(run: Path) -> Summary:
    """A run's ``summary.json``.

    Raises:
        RunError: it is missing or damaged.
    """
    path = run / SUMMARY
    summary = read_json(path)
    summary.setdefault("withheld", [])
    for name, kind in {"items": int, "expected": int, "metrics": dict, "labels": dict, "withheld": list}.items():
        if not isinstance(summary.get(name), kind):
            raise RunError(f"{path}: {name} is missing or damaged; `apigauge score {run}` writes it again.")
    for metric, entry in summary["metrics"].items():
        for name in ("value", "low", "high", "n"):
            if not (isinstance(entry, dict) and _is_number(entry.get(name))):
                raise RunError(f"{path}: {metric} has no {name}; `apigauge score {run}` writes it again.")
    record = summary.get("unfinished")
    if record is not None and not (
        isinstance(record, dict) and all(_is_number(record.get(name)) for name in ("count", "answers", "share"))
    ):
        raise RunError(f"{path}: unfinished is damaged; `apigauge score {run}` writes it again.")
    for metric, counts in summary["labels"].items():
        if not isinstance(counts, dict):
            raise RunError(f"{path}: the labels of {metric} are damaged; `apigauge score {run}` writes it again.")
    return cast("Summary", summary)


def read_generations(run: Path) -> list[GenerationRow]:
    """A run's answers; empty if there are none.

    Raises:
        RunError: a line that is not the last is no answer.
    """
    return cast("list[GenerationRow]", read_rows(run / GENERATIONS))


def read_scores(run: Path, file: str = SCORES) -> list[ScoreRow]:
    """A run's scores; empty if there are none.

    Args:
        run: the run directory.
        file: another name for the file, while new scores are being written.

    Raises:
        RunError: a line that is not the last is no row of scores.
    """
    return cast("list[ScoreRow]", read_rows(run / file))


def read_json(path: Path) -> dict[str, Any]:
    """A JSON object from a run directory.

    Raises:
        RunError: it is missing or no JSON object.
    """
    try:
        value = json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise RunError(f"{path.parent} is no run directory: it has no {path.name}.") from error
    except (ValueError, RecursionError, OSError) as error:
        raise RunError(f"{path}: cannot be read ({error}); make the run again.") from error
    if not isinstance(value, dict):
        raise RunError(f"{path}: a JSON object was expected; make the run again.")
    benchmark = value.get("benchmark")
    if path.name == MANIFEST and not (isinstance(benchmark, dict) and isinstance(benchmark.get("name", ""), str)):
        raise RunError(f"{path}: does not say which benchmark the run answers; make the run again.")
    return value


def _is_number(value: object) -> bool:
    """Whether a value is a number that a float can hold."""
    try:
        return isinstance(value, int | float) and isinstance(float(value), float)
    except OverflowError:
        return False


def write_json(path: Path, value: Mapping[str, Any]) -> None:
    """Writes a JSON object atomically: the file is either the old one or the new one, never half of either."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(json.dumps(value, indent=2, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n")
    temporary.replace(path)


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The rows of a JSON-lines file, as :func:`iterate_rows` yields them, all at once.

    Raises:
        RunError: a line that is not the last is no row.
    """
    return list(iterate_rows(path))


def iterate_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of a JSON-lines file, first of each key, without a torn last line; none if there is no file.

    One row is in memory at a time, and the keys. Which fields a row must have depends on the file's name; each must
    have its key.

    Raises:
        RunError: a line that is not the last is no row.
    """
    return (row for _, row in iterate_lines(path))


def iterate_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The same rows, each with the place in the file where its line begins, in bytes."""
    if not path.is_file():
        return
    fields = _FIELDS.get(path.name.strip(".").removesuffix(".tmp"), _KEY_FIELDS)
    read = keys.Keys()
    start = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.endswith(b"\n"):
                return
            try:
                row = _checked(line, fields)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                text = f"{path}, line {number}: not a row of a run ({error}); delete the line to go on."
                raise RunError(text) from error
            key = (row["item"], row["sample"])
            if key not in read:
                read.add(key)
                yield start, row
            start += len(line)


def parse_row(line: bytes) -> dict[str, Any]:
    """The row in a line that was read before."""
    row: dict[str, Any] = json.loads(line)
    return row


def _checked(line: bytes, fields: Mapping[str, type]) -> dict[str, Any]:
    """The row in a line.

    Raises:
        ValueError, KeyError, TypeError, AttributeError, RecursionError: it is none.
    """
    row: dict[str, Any] = json.loads(line.removesuffix(b"\n"))
    for field, kind in fields.items():
        if not isinstance(row[field], kind):
            raise TypeError(f"{field} is {row[field]!r}")
    for metric, score in row.get("metrics", {}).items():
        if type(score) is not float and not _is_number(score):
            raise TypeError(f"{metric} is {score!r:.40}")
    return row


def write_rows(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    """Replaces the rows of a JSON-lines file, atomically."""
    temporary = path.with_name(f".{path.name}.tmp")
    temporary.write_bytes(b"".join(_line(row) for row in rows))
    temporary.replace(path)


def _line(row: Mapping[str, Any]) -> bytes:
    return json.dumps(row, ensure_ascii=False).encode("utf-8", "surrogatepass") + b"\n"


def _whole_length(path: Path) -> int:
    """The size of a file without a last line that has no end."""
    with path.open("rb") as file:
        end = file.seek(0, os.SEEK_END)
        while end:
            start = max(0, end - _BLOCK)
            file.seek(start)
            if at := file.read(end - start).rfind(b"\n") + 1:
                return start + at
            end = start
    return 0


class Appender:
    """Appends rows to one file of a run; opening it drops a torn last line."""

    def __init__(self, path: Path) -> None:
        self.keys = keys.Keys((row["item"], row["sample"]) for row in iterate_rows(path))
        self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        whole = _whole_length(path)
        os.ftruncate(self._file, whole)
        os.lseek(self._file, whole, os.SEEK_SET)

    def append(self, row: Mapping[str, Any]) -> None:
        """Writes one row, unless the file already has its key."""
        key = (row["item"], row["sample"])
        if key in self.keys:
            return
        line = _line(row)
        while line:
            line = line[os.write(self._file, line) :]
        self.keys.add(key)

    def close(self) -> None:
        """Closes the file."""
        os.close(self._file)


class Lock:
    """A run directory's lock, given back when its last holder lets go: a thread may outlast the call that made it."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor, self._holders, self._guard = descriptor, 1, threading.Lock()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Holds it in another thread as well.

        Raises:
            RunError: it has been given back.
        """
        with self._guard:
            if not self._holders:
                raise RunError("the run is no longer being written to")
            self._holders += 1
        try:
            yield
        finally:
            self.release()

    def release(self) -> None:
        """Lets go of it."""
        with self._guard:
            self._holders -= 1
            if not self._holders:
                os.close(self._descriptor)


@contextlib.contextmanager
def writing(run: Path, *, is_growing: bool = False) -> Iterator[Lock]:
    """Holds a run directory for one writer; that of an address is copied there (:mod:`.remote`).

    Args:
        run: the directory.
        is_growing: whether rows are only added, so that it can be copied meanwhile.

    Raises:
        RunError: another process, or another call of this one, is writing to it; or it cannot be created or copied.
    """
    try:
        run.mkdir(parents=True, exist_ok=True)
        lock = os.open(run / ".lock", os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise RunError(
            f"{run}: cannot be written ({error.strerror}); make it writable, or choose another folder."
        ) from error
    except ValueError as error:  # a null byte
        raise RunError(f"{str(run)!r}: no folder can have this name ({error}); choose another --out.") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        os.close(lock)
        raise RunError(
            f"{run}: another process is writing to this run, or an earlier call of this one has not ended; wait for it "
            "or choose another --out."
        ) from error
    shared = Lock(lock)
    try:
        with remote.copied(run, is_growing=is_growing):
            yield shared
    finally:
        shared.release()


# Where a benchmark lay, and its licence, change no score.
_OF_PLACE = {"benchmark.path", "benchmark.licence", "benchmark.package"}


def differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Dotted name, old value, new value of every manifest entry that differs and can explain a different score."""
    before, after = (_flat({k: v for k, v in m.items() if k not in NOT_IDENTIFYING}) for m in (old, new))
    names = sorted({*before, *after} - _OF_PLACE)
    return [(name, before.get(name), after.get(name)) for name in names if before.get(name) != after.get(name)]


def _flat(value: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for name, entry in value.items():
        flat |= _flat(entry, f"{prefix}{name}.") if isinstance(entry, dict) else {f"{prefix}{name}": entry}
    return flat
