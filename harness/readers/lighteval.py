"""Details of lighteval (``--save-details``): ``details_TASK_DATE.parquet``, a row for each document.

Written against ``logging/evaluation_tracker.py`` of version 0.13.0. The model's name is the folder's.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from apigauge.errors import RunError
from apigauge.harness.readers import files
from apigauge.harness.readers.types import Answer, Log, Options

_NAME = re.compile(r"details_(?P<task>.+)_\d{4}-\d\d-\d\dT[\d.:-]+\.parquet")
_ROWS = 2000


def recognises(path: Path) -> bool:
    """A file named as lighteval names its details."""
    return bool(_NAME.fullmatch(path.name)) and path.is_file()


def read(path: Path, options: Options) -> Log:
    """Reads the details of one task; metrics over all documents, which no document has, are left out."""
    match = _NAME.fullmatch(path.name)
    rows = list(_rows(path, options))
    identifiers = [files.plain(_part(row, "doc").get("id")) for row in rows]
    # Some tasks number their documents, and some do not name them.
    is_named = all(identifiers) and len(set(identifiers)) == len(rows)
    answers = [
        _answer(f"{path}, row {number}", row, identifiers[number] if is_named else str(number), options)
        for number, row in enumerate(rows)
    ]
    folders = path.resolve().parts
    model = folders[folders.index("details") + 1 : -2] if "details" in folders else ()
    return Log(
        "lighteval",
        match["task"] if match else "",
        answers,
        dict.fromkeys((name for one in answers for name in one.scores), None),
        model="/".join(model),
    )


def _rows(path: Path, options: Options) -> Iterator[dict[str, Any]]:
    try:
        import pyarrow.parquet
    except ImportError as error:
        raise RunError(f"{path}: pyarrow reads Parquet; install it (pip install pyarrow)") from error
    try:
        with pyarrow.parquet.ParquetFile(path) as file:
            available = file.schema_arrow.names
            if missing := [name for name in ("doc", "metric") if name not in available]:
                raise RunError(f"{path}: it has no column {missing[0]!r}, so lighteval 0.10 or later did not write it")
            columns = ["metric", "doc" if options.cluster else "doc.id", "doc.query", "doc.choices", "doc.gold_index"]
            if options.has_texts and "model_response" in available:
                columns.append("model_response.text")
            for batch in file.iter_batches(_ROWS, columns=columns):
                yield from batch.to_pylist()
    # Texts of a damaged file are decoded as they are taken out.
    except (OSError, UnicodeDecodeError, pyarrow.ArrowException) as error:
        raise RunError(f"{path}: not a whole Parquet file ({files.reason(error)}); copy it again") from error


def _part(row: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    part = row.get(name)
    return part if isinstance(part, Mapping) else {}


def _answer(where: str, row: Mapping[str, Any], item: str, options: Options) -> Answer:
    doc = _part(row, "doc")
    scores = {
        name: files.number(value, name, where)
        for name, value in _part(row, "metric").items()
        if value is not None and not isinstance(value, list | Mapping)
    }
    gold, choices = doc.get("gold_index"), doc.get("choices") or []
    indices = gold if isinstance(gold, list) else [gold]
    reference = ", ".join(
        files.plain(choices[one]) for one in indices if isinstance(one, int) and -1 < one < len(choices)
    )
    texts = _part(row, "model_response").get("text")
    cluster = options.cluster
    return Answer(
        item=item,
        sample=0,
        scores=scores,
        where=where,
        cluster=files.field_of({**doc, **_part(doc, "specific")}, cluster, where) if cluster else "",
        question=files.plain(doc.get("query")) if options.has_texts else "",
        reference=reference if options.has_texts else "",
        text="\n".join(map(files.plain, texts)) if isinstance(texts, list) else "",
        identity=reference,
    )
