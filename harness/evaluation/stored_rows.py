"""The rows of a file by their keys, read when they are looked at: only keys and places are in memory."""

import sys
import weakref
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from apigauge.harness.evaluation.keys import Key, short
from apigauge.harness.evaluation.run_directory import iterate_lines, parse_row


class KeyIndex(NamedTuple):
    """The keys of a file's rows in its order, and the number of each."""

    items: list[str]
    samples: list[int]
    numbers: dict[str | Key, int]


def _index(items: list[str], samples: list[int]) -> KeyIndex:
    keys = zip(items, samples, strict=True)
    return KeyIndex(items, samples, {short(key): number for number, key in enumerate(keys)})


class StoredRows(Mapping[Key, dict[str, Any]]):
    """The rows of a JSON-lines file of a run, first of each key, in the file's order; empty if there is no file."""

    def __init__(self, path: Path, like: "StoredRows | None" = None) -> None:
        """Reads the file once.

        Args:
            path: the file.
            like: rows that most likely have the same keys in the same order, and are then held once for both.

        Raises:
            RunError: a line that is not the last is no row.
        """
        items: list[str] = []
        samples: list[int] = []
        self._starts = array("q")
        self._latest: tuple[Key, dict[str, Any]] | None = None
        for start, row in iterate_lines(path):
            items.append(sys.intern(row["item"]))
            samples.append(row["sample"])
            self._starts.append(start)
        shared: KeyIndex | None = like.index if like is not None else None
        self.index: KeyIndex = shared if shared and shared[:2] == (items, samples) else _index(items, samples)
        self._file = path.open("rb") if items else None
        if self._file:
            weakref.finalize(self, self._file.close)

    def at(self, number: int) -> dict[str, Any]:
        """The row with this number in the file, from 0; read unless it was the latest one."""
        key = (self.index.items[number], self.index.samples[number])
        if self._latest is None or self._latest[0] != key:
            assert self._file
            self._file.seek(self._starts[number])
            self._latest = key, parse_row(self._file.readline())
        return self._latest[1]

    def number(self, key: Key) -> int:
        """The number of a row in the file, from 0.

        Raises:
            KeyError: there is no such row.
        """
        return self.index.numbers[key if key[1] else key[0]]

    def __getitem__(self, key: Key) -> dict[str, Any]:
        """A row."""
        return self.at(self.number(key))

    def __contains__(self, key: object) -> bool:
        """Whether there is such a row; it is not read."""
        return isinstance(key, tuple) and (key if key[1] else key[0]) in self.index.numbers

    def __iter__(self) -> Iterator[Key]:
        """The keys."""
        return zip(self.index.items, self.index.samples, strict=True)

    def __len__(self) -> int:
        """How many rows there are."""
        return len(self.index.items)
