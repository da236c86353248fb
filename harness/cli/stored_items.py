"""The questions of a large benchmark, read from a temporary file when they are looked at."""

import json
import sys
import tempfile
import weakref
from array import array
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from apigauge.benchmarks.types import Item

if TYPE_CHECKING:
    from apigauge.benchmarks.types import Benchmark

# Questions above which memory counts more than a moment.
LARGE = 20_000
_SHOWN = ("instruction", "reference_call", "reference_program", "domain", "api")


class StoredItems(Mapping[str, Item]):
    """Questions by their ids, with what pages show of them; in memory are ids and places only."""

    def __init__(self, items: Iterable[Item]) -> None:
        """Writes the questions.

        Raises:
            OSError: there is no room for them.
        """
        self._numbers: dict[str, int] = {}
        starts = self._starts = array("q")
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - closed with the object
        weakref.finalize(self, self._file.close)
        for number, item in enumerate(items):
            self._numbers[sys.intern(item.id)] = number
            starts.append(self._file.tell())
            self._file.write(json.dumps([getattr(item, name) for name in _SHOWN]).encode() + b"\n")
        self._file.flush()

    def __getitem__(self, key: str) -> Item:
        """A question."""
        self._file.seek(self._starts[self._numbers[key]])
        return Item(key, **dict(zip(_SHOWN, json.loads(self._file.readline()), strict=True)))

    def __contains__(self, key: object) -> bool:
        """Whether there is such a question; it is not read."""
        return key in self._numbers

    def __iter__(self) -> Iterator[str]:
        """The ids."""
        return iter(self._numbers)

    def __len__(self) -> int:
        """How many questions there are."""
        return len(self._numbers)


class Questions(NamedTuple):
    """A benchmark for whoever reads runs on it: ``digest`` of its data, and its questions by their ids."""

    digest: str
    items: Mapping[str, Item]


def questions_of(benchmark: "Benchmark") -> Questions:
    """The questions of a benchmark, which need little memory once it is no longer held itself."""
    if len(benchmark.items) > LARGE:
        return Questions(benchmark.digest, StoredItems(benchmark.items))
    return Questions(benchmark.digest, {item.id: item for item in benchmark.items})
