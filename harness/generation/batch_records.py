"""``batches.json`` of a run's folder: the batches of its questions, so that none is submitted twice.

A batch is written down before anything is sent, with a token that becomes its metadata; then again with the id of its
file, and with its own id. So whoever is killed at any instant finds the batch again: by its id, or by its token in the
server's list, where the creation was sent and its response never arrived.
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import cast

from apigauge.errors import RunError
from apigauge.file_formats import BatchRecord

NAME = "batches.json"
_FIELDS: dict[str, type | tuple[type, ...]] = {
    "token": str,
    "base_url": str,
    "endpoint": str,
    "created": (int, float),
    "questions": int,
    "requests": dict,
    "changes": dict,
    "file": (str, type(None)),
    "batch": (str, type(None)),
    "status": str,
}


class BatchRecords:
    """The batches of a run.

    Raises:
        RunError: the file is damaged.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME
        self._records = self._read()

    def open_with(self, requests: Collection[str]) -> list[BatchRecord]:
        """The batches that may hold answers to some of these requests, the oldest first."""
        return [record for record in self._records if not record["requests"].keys().isdisjoint(requests)]

    def add(self, record: BatchRecord) -> None:
        """Writes down a new batch."""
        self._records.append(record)
        self.save()

    def drop(self, record: BatchRecord) -> None:
        """Forgets a batch that was never created."""
        self._records.remove(record)
        self.save()

    def save(self) -> None:
        """Writes the file atomically.

        Raises:
            RunError: it cannot be written.
        """
        temporary = self.path.with_name(f".{NAME}.tmp")
        try:
            temporary.write_text(json.dumps({"batches": self._records}, indent=1) + "\n", encoding="utf-8")
            temporary.replace(self.path)
        except OSError as error:
            raise RunError(f"{self.path}: cannot be written ({error})") from error

    def _read(self) -> list[BatchRecord]:
        try:
            records = json.loads(self.path.read_bytes())["batches"]
            is_whole = all(isinstance(record[name], kind) for record in records for name, kind in _FIELDS.items())
        except FileNotFoundError:
            return []
        except (OSError, ValueError, RecursionError, LookupError, TypeError):
            is_whole = False
        if not is_whole:
            raise RunError(
                f"{self.path}: is damaged. It says which questions were submitted already: restore it, or choose "
                "another --out to submit all of them anew"
            )
        return cast("list[BatchRecord]", records)
