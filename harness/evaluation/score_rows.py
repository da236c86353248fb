"""The scores of a run in columns: a million answers take eight bytes a number, and not a dictionary each."""

import sys
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from apigauge.file_formats import ScoreRow, UnfinishedRecord
from apigauge.harness.evaluation import unfinished
from apigauge.harness.evaluation.keys import Key, short
from apigauge.harness.metrics.executability import infra_errors, is_set_aside
from apigauge.harness.metrics.types import SCORER_ERROR

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

_NOT_SAID = "not said"


class ScoreRows(Mapping[Key, Mapping[str, float]]):
    """The metrics of each answer by its key, in the order in which they were added."""

    def __init__(self, rows: Mapping[Key, Mapping[str, float]] | None = None) -> None:
        self._items: list[str] = []
        self._samples: list[int] = []
        self._values: dict[str, array[float]] = {}
        self._has: dict[str, bytearray] = {}
        self._places: dict[str | Key, int] = {}
        for key, metrics in (rows or {}).items():
            self.add(key, metrics)

    def add(self, key: Key, metrics: Mapping[str, float]) -> None:
        """Adds an answer, which must not be there yet."""
        place = len(self._items)
        self._places[short(key)] = place
        self._items.append(sys.intern(key[0]))
        self._samples.append(key[1])
        for name, value in metrics.items():
            if name not in self._values:
                self._values[name], self._has[name] = array("d"), bytearray()
            values, has = self._values[name], self._has[name]
            if gap := place - len(values):
                values.extend([0.0] * gap)
                has.extend(bytes(gap))
            values.append(value)
            has.append(1)

    @property
    def items_asked(self) -> list[str]:
        """The item of each answer."""
        return self._items

    @property
    def names(self) -> list[str]:
        """The metrics that any answer has."""
        return list(self._values)

    def column(self, name: str) -> "tuple[Array, Array]":
        """The numbers of a metric, 0 where an answer has none, and whether it has one."""
        import numpy as np

        values, has = np.zeros(len(self)), np.zeros(len(self), dtype=bool)
        if name in self._values:
            count = len(self._values[name])
            values[:count] = self._values[name]
            has[:count] = np.frombuffer(self._has[name], dtype=np.uint8)
        return values, has

    def places(self, keys: Iterable[Key]) -> "Array":
        """The number of each of these answers.

        Raises:
            KeyError: one is not there.
        """
        import numpy as np

        return np.fromiter((self._places[key if key[1] else key[0]] for key in keys), dtype=np.intp)

    def __getitem__(self, key: Key) -> Mapping[str, float]:
        """The metrics of an answer."""
        place = self._places[key if key[1] else key[0]]
        return {
            name: values[place]
            for name, values in self._values.items()
            if place < len(values) and self._has[name][place]
        }

    def __iter__(self) -> Iterator[Key]:
        """The keys."""
        return zip(self._items, self._samples, strict=True)

    def __len__(self) -> int:
        """How many answers there are."""
        return len(self._items)


@dataclass(slots=True)
class Tally:
    """What a run's rows say besides the numbers, counted while they are read.

    Attributes:
        scores: the numbers.
        labels: how often each label occurs, by metric.
        states: how often answers with a metric, or all of them under the empty name, are unfinished for which reason.
        failed: programs that could not be run because the sandbox failed.
        ran: programs that were run.
        unscored: answers that made a metric fail.
        set_aside: answers that ended every process that scored them.
    """

    scores: ScoreRows = field(default_factory=ScoreRows)
    labels: dict[str, Counter[str]] = field(default_factory=dict)
    states: dict[str, Counter[str | None]] = field(default_factory=dict)
    failed: int = 0
    ran: int = 0
    unscored: int = 0
    set_aside: int = 0

    def add(self, row: ScoreRow) -> None:
        """Counts a row, which must be the only one of its answer."""
        self.scores.add((row["item"], row["sample"]), row["metrics"])
        failed, ran = infra_errors([row])
        self.failed, self.ran = self.failed + failed, self.ran + ran
        state = row.get("unfinished") if "unfinished" in row else _NOT_SAID
        for name in ("", *row["metrics"]):
            self.states.setdefault(name, Counter())[state] += 1
        for name, label in row["labels"].items():
            self.labels.setdefault(name, Counter())[label] += 1
        self.unscored += SCORER_ERROR in row["labels"].values()
        self.set_aside += is_set_aside(row)

    def unfinished(self, metric: str = "") -> UnfinishedRecord | None:
        """How many answers, or those with a metric, have no end; None if no row says so."""
        counts = Counter(self.states.get(metric, Counter()))
        del counts[_NOT_SAID]
        return unfinished.record(counts)


def tally(rows: Iterable[ScoreRow]) -> Tally:
    """Counts rows, each of another answer."""
    counted = Tally()
    for row in rows:
        counted.add(row)
    return counted
