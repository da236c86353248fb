"""What the gate refuses to read: a crash-safe file may be forgiven a torn line, but no decision may rest on one."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

from apigauge.errors import RunError
from apigauge.file_formats import Manifest, ScoreRow, UsageRecord
from apigauge.harness.evaluation import run_directory
from apigauge.harness.metrics.table import NAMES, TOP

# Fields of a manifest whose values must be of a type wherever the manifest has them.
_TYPES: dict[str, tuple[type, ...]] = {
    "benchmark": (dict,),
    "prompt_sha256": (str,),
    "generator": (dict,),
    "extraction": (str,),
    "execution": (str,),
    "reasoning": (dict,),
    "metrics": (dict,),
    "plugin_metrics": (dict,),
    "sandbox": (dict, type(None)),
    "cache": (dict,),
}


def score(value: object, name: str, where: str) -> float:
    """A score as a float.

    Args:
        value: as a file has it.
        name: of the metric.
        where: the file and the answer, for the message.

    Raises:
        RunError: it is no number, or outside the metric's range.
    """
    top = TOP.get(name, 1.0) if name in NAMES else math.inf
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= top or value == math.inf:
        raise RunError(f"{where}: {name} is {str(value)[:40]}, and not a number from 0 to {top:g}; score the run again")
    return float(value)


def share(value: object) -> float:
    """A number from 0 to 1.

    Raises:
        ValueError: it is none.
    """
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{value!r} is not a share from 0 to 1")
    return float(value)


def key(row: Mapping[str, Any]) -> run_directory.Key:
    """The item and the sample of a row.

    Raises:
        KeyError: one is missing.
        TypeError: one has another type.
    """
    item, sample = row["item"], row["sample"]
    if not isinstance(item, str) or isinstance(sample, bool) or not isinstance(sample, int) or sample < 0:
        raise TypeError(f"item {item!r}, sample {sample!r}")
    return item, sample


def text(value: object) -> str:
    """A text that is not empty.

    Raises:
        TypeError: it is none.
    """
    if not isinstance(value, str) or not value:
        raise TypeError(f"{value!r} is no text")
    return value


def iterate_scores(run: Path) -> Iterator[ScoreRow]:
    """A run's scores, each checked; whoever reads them must read them to the end.

    Raises:
        RunError: there are none, an answer has two rows, or a row is damaged.
    """
    path = run / run_directory.SCORES
    number, fault = 0, None
    for number, row in enumerate(run_directory.iterate_rows(path), 1):  # noqa: B007 - the last one is their number
        if fault is None:
            fault = _fault(run, path, row)
        if fault is None:
            yield cast("ScoreRow", row)
    if not number:
        raise RunError(f"{run}: it has no scores yet; `apigauge score` or `apigauge run` makes them")
    with path.open("rb") as file:
        lines = sum(line.endswith(b"\n") for line in file)
    if lines != number:
        raise RunError(f"{path}: {lines - number} lines are about an answer that another line is about; rerun it")
    if fault:
        raise fault


def _fault(run: Path, path: Path, row: Mapping[str, Any]) -> RunError | None:
    """What is wrong with a row; None if nothing is."""
    where = f"{path}: item {row['item']!r}"
    try:
        key(row)
        for name, value in row["metrics"].items():
            score(value, name, where)
    except TypeError as error:
        return RunError(f"{path}: a row is damaged ({error}); `apigauge rerun {run}` writes it again")
    except RunError as error:
        return error
    verdict = row.get("verdict")
    if verdict is not None and not isinstance(verdict, dict):
        return RunError(f"{where}: its verdict is damaged; `apigauge rerun {run}` writes it again")
    return None


def read_manifest(run: Path) -> Manifest:
    """A run's manifest, checked.

    Raises:
        RunError: it is missing or damaged, or of a later version of apigauge.
    """
    path = run / run_directory.MANIFEST
    record = cast("dict[str, Any]", run_directory.read_manifest(run))
    version = record.get("schema_version", run_directory.SCHEMA_VERSION)
    if isinstance(version, bool) or version not in range(1, run_directory.SCHEMA_VERSION + 1):
        raise RunError(
            f"{path}: schema_version is {version!r}, and this version of apigauge reads "
            f"{run_directory.SCHEMA_VERSION}; was the run made by a later one?"
        )
    for name, types in _TYPES.items():
        if name in record and not isinstance(record[name], types):
            raise RunError(f"{path}: {name} is {str(record[name])[:40]!r}, which it never is; make the run again")
    versions = record.get("metrics", {})
    if not all(isinstance(one, str) and one for one in versions.values()):
        raise RunError(f"{path}: a metric has no version; `apigauge rerun {run}` scores it again")
    for name in ("name", "digest", "loader", "version", "path"):
        if name in record["benchmark"] and not isinstance(record["benchmark"][name], str):
            raise RunError(f"{path}: benchmark.{name} is {record['benchmark'][name]!r}, and no text")
    try:
        count(record["benchmark"].get("items"))
    except ValueError as error:
        raise RunError(f"{path}: benchmark.items: {error}; make the run again") from error
    return cast("Manifest", record)


def read_object(path: Path) -> dict[str, Any]:
    """A JSON object from a file in which no object has a name twice, which JSON's readers take the last of.

    Raises:
        RunError: it cannot be read, or is no such object.
    """

    def unique(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
        pairs = list(pairs)
        if len(names := dict(pairs)) < len(pairs):
            raise ValueError("a name stands twice in one object")
        return names

    try:
        content = json.loads(path.read_bytes(), object_pairs_hook=unique)
    except FileNotFoundError as error:
        raise RunError(
            f"{path} is no run directory and no file; `apigauge gate RUN --save-baseline FILE` makes a baseline"
        ) from error
    except (ValueError, RecursionError, OSError) as error:
        raise RunError(f"{path}: cannot be read ({error}); save it again") from error
    if not isinstance(content, dict):
        raise RunError(f"{path}: a JSON object was expected; save it again")
    return content


def count(value: object) -> int | None:
    """A whole number above zero, or None for None.

    Raises:
        ValueError: it is neither.
    """
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value) or value < 1:
        raise ValueError(f"{value!r} is no number of questions")
    return int(value)


def read_usage(run: Path) -> UsageRecord | None:
    """What a run's answers took, as its summary says; None if it has no summary, or an older one.

    Raises:
        RunError: the summary is damaged.
    """
    path = run / run_directory.SUMMARY
    if not path.is_file():
        return None
    try:
        return usage(run_directory.read_json(path).get("usage"))
    except (KeyError, ValueError) as error:
        raise RunError(f"{path}: usage is damaged ({error}); `apigauge rerun {run}` writes it again") from error


def usage(record: object) -> UsageRecord | None:
    """What a run's answers took; None for anything but an object.

    Raises:
        KeyError: a number is missing.
        ValueError: one is no number from 0.
    """
    if not isinstance(record, dict):
        return None
    names = ("answers", "cached", "unknown", "prompt_tokens", "completion_tokens")
    values = {name: record[name] for name in (*names, *(("dollars",) if "dollars" in record else ()))}
    for name, value in values.items():
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < math.inf:
            raise ValueError(f"{name} is {value!r}")
    return cast("UsageRecord", values)
