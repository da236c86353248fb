"""A table of scores, as CSV, TSV or JSON lines: ``id,score[,cluster,sample]``, further metrics in further columns.

A column is a metric if its values are numbers, or true and false; columns of other texts are passed over, except that
``--cluster`` may name one. ``question``, ``text`` and ``reference`` are shown on pages.
"""

import csv
import io
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from apigauge.errors import RunError
from apigauge.harness.readers import files
from apigauge.harness.readers.types import Answer, Log, Options

_SEPARATORS = {".csv": ",", ".tsv": "\t"}
_RESERVED = {"id", "sample", "cluster", "question", "reference", "domain", "text"}
_TRUTH = {"true": 1.0, "false": 0.0}
# Python reads 1_000 and other scripts' digits as well; nan and inf are read, to be refused.
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?(?:nan|inf|infinity)", re.ASCII | re.IGNORECASE)
# Names that mean one thing everywhere.
_HIGHER = {"score", "acc", "accuracy", "correct", "passed", "exact_match", "f1"}


def recognises(path: Path) -> bool:
    """A CSV or TSV file, or JSON lines whose objects have an ``id`` and something else."""
    if path.suffix.lower() in _SEPARATORS:
        return path.is_file()
    return path.suffix.lower() == ".jsonl" and "id" in (row := files.first_row(path)) and len(row) > 1


def read(path: Path, options: Options) -> Log:
    """Reads a table."""
    separator = _SEPARATORS.get(path.suffix.lower())
    rows = list(_of_csv(path, separator) if separator else files.rows(path))
    if not rows:
        raise RunError(f"{path}: it has no rows")
    metrics = _metrics(path, rows, options)
    if not metrics:
        raise RunError(f"{path}, line {rows[0][0]}: it has no column of numbers; the form is id,score,cluster,sample")
    answers = [_answer(f"{path}, line {line}", row, metrics, options) for line, row in rows]
    return Log("table", "scores", answers, {name: False if name in _HIGHER else None for name in metrics})


def _of_csv(path: Path, separator: str) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.reader(io.StringIO(files.text_of(path), newline=""), delimiter=separator, strict=True)
    try:
        names = [name.strip() for name in next(reader, [])]
        if "id" not in names:
            raise RunError(f"{path}, line 1: there is no column 'id'; the form is id,score,cluster,sample")
        if len(set(names)) < len(names) or "" in names:
            raise RunError(f"{path}, line 1: each column needs a name of its own")
        for cells in reader:
            if not cells:
                continue
            if len(cells) != len(names):
                raise RunError(
                    f"{path}, line {reader.line_num}: {len(cells)} values for {len(names)} columns; was it cut off?"
                )
            yield reader.line_num, {name: _cell(cell) for name, cell in zip(names, cells, strict=True)}
    except csv.Error as error:
        raise RunError(f"{path}, line {reader.line_num}: not CSV ({error})") from error


def _cell(text: str) -> str | None:
    return text if text.strip() else None


def _number(value: object) -> object:
    """What a value is as a number; itself if it is none."""
    if not isinstance(value, str):
        return value
    text = value.strip().lower()
    if text in _TRUTH:
        return _TRUTH[text]
    return float(text) if _NUMBER.fullmatch(text) else value


def _metrics(path: Path, rows: list[tuple[int, dict[str, Any]]], options: Options) -> list[str]:
    """The columns that hold numbers.

    Raises:
        RunError: a column holds numbers and other things.
    """
    metrics = []
    for name in dict.fromkeys(name for _, row in rows for name in row):
        if name in _RESERVED or name == options.cluster:
            continue
        first_other, numbers = 0, 0
        for line, row in rows:
            value = row.get(name)
            if value is None:
                continue
            if isinstance(_number(value), int | float):
                numbers += 1
            else:
                first_other = first_other or line
        if numbers and first_other:
            other = next(row[name] for line, row in rows if line == first_other)
            raise RunError(
                f"{path}, line {first_other}: {files.label(name)} is {files.short(other)}, and a number in other lines"
            )
        if numbers:
            metrics.append(name)
    return metrics


def _answer(where: str, row: dict[str, Any], metrics: list[str], options: Options) -> Answer:
    sample = row.get("sample")
    cluster = options.cluster or ("cluster" if row.get("cluster") is not None else "")
    return Answer(
        item=files.field_of(row, "id", where),
        sample=0 if sample is None else files.count(_number(sample), "sample", where),
        scores={name: files.number(_number(row[name]), name, where) for name in metrics if row.get(name) is not None},
        where=where,
        cluster=files.field_of(row, cluster, where) if cluster else "",
        identity=files.plain(row.get("question")),
        question=files.plain(row.get("question")),
        reference=files.plain(row.get("reference")),
        domain=files.plain(row.get("domain")),
        text=files.plain(row.get("text")),
    )
