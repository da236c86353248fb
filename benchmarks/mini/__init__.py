"""The embedded benchmark: 28 real calls, ten instructions each, all offline. See README.md in this folder."""

import json
from pathlib import Path
from typing import Any

from apigauge.benchmarks.files import named_files_digest, read_rows
from apigauge.benchmarks.types import Api, Benchmark, Item, api_key

_HERE = Path(__file__).parent
# A small model that answers this benchmark, made by train.py.
CHECKPOINT = _HERE / "checkpoint"
# Its answers, for machines without torch.
ANSWERS = _HERE / "answers" / "apigauge-mini.jsonl"


def load(_data_dir: Path | None = None) -> Benchmark:
    """The embedded benchmark; its items are the test part, its training part is in ``train``."""
    paths = [_HERE / "catalogue.jsonl", _HERE / "items.jsonl"]
    catalogue, rows = (read_rows(path) for path in paths)
    documents = {row["api_call"]: json.dumps(row, ensure_ascii=False) for row in catalogue}
    items = {
        split: tuple(_item(row, documents) for row in rows if row["split"] == split) for split in ("train", "test")
    }
    return Benchmark(
        name="mini",
        items=items["test"],
        catalogue=tuple(_api(row) for row in catalogue),
        digest=named_files_digest(paths),
        gorilla_dialect="huggingface",
        train=items["train"],
        rows=items["test"],
        environment="mini",
    )


def _item(row: dict[str, Any], documents: dict[str, str]) -> Item:
    return Item(
        id=row["id"],
        instruction=row["instruction"],
        reference_call=row["api_call"],
        reference_program=row["program"],
        domain=row["domain"],
        api=api_key(row["api_call"]),
        document=documents[row["api_call"]],
    )


def _api(row: dict[str, Any]) -> Api:
    return Api(
        call=row["api_call"],
        domain=row["domain"],
        name=row["api_name"],
        description=f"{row['functionality']} {row['description']}",
        example=row["example_code"],
        signature=row["signature"],
        document=json.dumps(row, ensure_ascii=False),
    )
