"""What the pages across runs need of an answer: its scores, labels and outcome, without its texts.

A run's are kept by columns: fifty runs are read from the cache in a tenth of a second, and most pages need one metric
of all answers rather than all of one answer.
"""

import functools
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar, overload

Row = TypeVar("Row")
# Answers above which memory counts more than a moment.
_LARGE = 20_000


@dataclass(frozen=True, slots=True)
class ScoredView:
    """One answer; what is not said here is as in ``ItemView``.

    Attributes:
        messages: of metrics of programs only.
        status: of the verdict; None if the program was not run.
    """

    id: str
    sample: int
    domain: str
    api: str
    metrics: dict[str, float]
    labels: dict[str, str]
    messages: dict[str, str]
    status: str | None


class Scored(Sequence[ScoredView]):
    """The answers of a run, in its order, from the columns that ``of`` makes.

    Attributes:
        ids: each answer's question.
        samples: which of several answers to it.
        domains: of the questions.
        apis: of the questions.
        metrics: scores by the metric's name; None where an answer lacks it.
        labels: likewise.
        length: of all texts, programs and reasonings together, in characters.
        texts_digest: of all texts with their questions, in an order of its own.
    """

    def __init__(self, columns: Mapping[str, Any]) -> None:
        if len(columns["ids"]) > _LARGE:
            # Equal values are one: a million numbers of few values take eight bytes each.
            shared = _Shared()
            for column in _all_columns(columns):
                column[:] = map(shared, column)
        self._columns = columns
        self.ids: Sequence[str] = columns["ids"]
        self.samples: Sequence[int] = columns["samples"]
        self.domains: Sequence[str] = columns["domains"]
        self.apis: Sequence[str] = columns["apis"]
        self.metrics: Mapping[str, Sequence[float | None]] = columns["metrics"]
        self.labels: Mapping[str, Sequence[str | None]] = columns["labels"]
        self.length: int = columns["length"]
        self.texts_digest: str = columns["texts"]

    @classmethod
    def of(cls, rows: Iterable[Any]) -> "Scored":
        """Of whole answers (``ItemView``), each of which is looked at once."""
        columns: dict[str, list[Any]] = {name: [] for name in ("ids", "samples", "domains", "apis", "statuses")}
        groups: dict[str, dict[str, list[Any]]] = {name: {} for name in ("metrics", "labels", "messages")}
        digests: list[bytes] = []
        length, shared = 0, _Shared()
        for place, row in enumerate(rows):
            verdict = row.verdict or {}
            columns["ids"].append(sys.intern(row.id))
            columns["samples"].append(row.sample)
            columns["domains"].append(shared(row.domain))
            columns["apis"].append(shared(row.api))
            columns["statuses"].append(shared(str(verdict.get("status", ""))) if verdict else None)
            messages = {metric: text for metric, text in row.messages.items() if metric.startswith("exec.")}
            for name, values in (("metrics", row.metrics), ("labels", row.labels), ("messages", messages)):
                _add(groups[name], place, values, shared)
            length += len(row.text) + len(row.program or "") + len(row.reasoning)
            digests.append(hashlib.sha256(row.text.encode("utf-8", "surrogatepass")).digest())
        for group in groups.values():
            for column in group.values():
                column.extend([None] * (len(digests) - len(column)))
        texts = hashlib.sha256()
        # Sorted by column: a million tuples would take a hundred megabytes.
        order = list(range(len(digests)))
        for column in (digests, columns["samples"], columns["ids"]):
            order.sort(key=column.__getitem__)
        for at in order:
            entry = (columns["ids"][at], columns["samples"][at], digests[at])
            texts.update(repr(entry).encode("utf-8", "surrogatepass"))
        whole = {name: dict(sorted(group.items())) for name, group in groups.items()}
        return cls(columns | whole | {"length": length, "texts": texts.hexdigest()})

    def to_json(self) -> Mapping[str, Any]:
        """The columns, for the cache."""
        return self._columns

    def having(self, *names: str) -> list[int]:
        """The places of the answers that have all these metrics."""
        columns = [self.metrics.get(name) for name in names]
        if not all(columns):
            return []
        return [at for at, scores in enumerate(zip(*filter(None, columns), strict=True)) if None not in scores]

    def __len__(self) -> int:
        return len(self.ids)

    def __iter__(self) -> Iterator[ScoredView]:
        return iter(self._rows)

    @overload
    def __getitem__(self, at: int) -> ScoredView: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[ScoredView]: ...

    def __getitem__(self, at: int | slice) -> ScoredView | Sequence[ScoredView]:
        return self._rows[at]

    @functools.cached_property
    def _rows(self) -> list[ScoredView]:
        by_row = (_rows_of(self._columns[name], len(self)) for name in ("metrics", "labels", "messages"))
        parts = (self.ids, self.samples, self.domains, self.apis, *by_row, self._columns["statuses"])
        return [ScoredView(*row) for row in zip(*parts, strict=True)]


def _all_columns(columns: Mapping[str, Any]) -> Iterator[list[Any]]:
    for column in columns.values():
        if isinstance(column, Mapping):
            yield from column.values()
        elif isinstance(column, list):
            yield column


class _Shared:
    """Gives equal values as one object, as far as it has seen them."""

    def __init__(self) -> None:
        self._values: dict[tuple[type, Any], Any] = {}

    def __call__(self, value: Any) -> Any:
        return self._values.setdefault((type(value), value), value)


def _add(columns: dict[str, list[Any]], place: int, values: Mapping[str, Any], shared: _Shared) -> None:
    """Adds a row with this number, with None where earlier rows had no such value."""
    for name, value in values.items():
        column = columns.setdefault(name, [])
        column.extend([None] * (place - len(column)))
        column.append(shared(value))


def _rows_of(columns: Mapping[str, Sequence[Any]], count: int) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = [{} for _ in range(count)]
    for name, values in columns.items():
        for row, value in zip(rows, values, strict=True):
            if value is not None:
                row[name] = value
    return rows


NO_ANSWERS = Scored.of(())


class LazyRows(Sequence[Row]):
    """Answers that are read when one is looked at, and kept from then on."""

    def __init__(self, read: Callable[[], Sequence[Row]], count: int) -> None:
        self._read, self._count = read, count
        self._kept: Sequence[Row] | None = None

    def __len__(self) -> int:
        return self._count

    def __iter__(self) -> Iterator[Row]:
        return iter(self._whole())

    @overload
    def __getitem__(self, at: int) -> Row: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Row]: ...

    def __getitem__(self, at: int | slice) -> Row | Sequence[Row]:
        return self._whole()[at]

    def _whole(self) -> Sequence[Row]:
        if self._kept is None:
            self._kept = self._read()
        return self._kept
