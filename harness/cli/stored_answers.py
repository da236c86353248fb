"""A run's answers, joined with their questions; of a large run each is read when somebody looks at it."""

from array import array
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.stored_rows import StoredRows
from apigauge.reports.views import ItemView, PairView

if TYPE_CHECKING:
    from apigauge.benchmarks import Item

# In bytes. Runs whose files are larger together are not held in memory, where rows take several times as much.
HELD = 64_000_000


class StoredAnswers(Sequence[ItemView]):
    """The answers of a run in the order of its scores, read from its files each time."""

    def __init__(self, items: "Mapping[str, Item]", answers: StoredRows, scores: StoredRows) -> None:
        self._items, self._answers, self.scores = items, answers, scores

    def __len__(self) -> int:
        return len(self.scores)

    def __iter__(self) -> Iterator[ItemView]:
        return map(self._at, range(len(self)))

    @overload
    def __getitem__(self, at: int) -> ItemView: ...

    @overload
    def __getitem__(self, at: slice) -> list[ItemView]: ...

    def __getitem__(self, at: int | slice) -> ItemView | list[ItemView]:
        if isinstance(at, slice):
            return list(map(self._at, range(len(self))[at]))
        return self._at(range(len(self))[at])

    def pairs(self, other: "StoredAnswers") -> "StoredPairs":
        """The answers that another run has, too, in this one's order."""
        ours, theirs = array("q"), array("q")
        for at, key in enumerate(self.scores):
            if key in other.scores:
                ours.append(at)
                theirs.append(other.scores.number(key))
        return StoredPairs(self, other, ours, theirs)

    def _at(self, place: int) -> ItemView:
        row = self.scores.at(place)
        # The document is in the prompt of each sample, and written with the first one.
        first, answer = (self._answers.get((row["item"], sample), {}) for sample in (0, row["sample"]))
        return item_view(self._items.get(row["item"]), row, answer, first.get("document", ""))


class StoredPairs(Sequence[PairView]):
    """Answers of two runs to the same questions, read from their files each time."""

    def __init__(self, a: StoredAnswers, b: StoredAnswers, ours: Sequence[int], theirs: Sequence[int]) -> None:
        """The numbers are those of the answers in their runs."""
        self._a, self._b, self._ours, self._theirs = a, b, ours, theirs

    def __len__(self) -> int:
        return len(self._ours)

    @overload
    def __getitem__(self, at: int) -> PairView: ...

    @overload
    def __getitem__(self, at: slice) -> list[PairView]: ...

    def __getitem__(self, at: int | slice) -> PairView | list[PairView]:
        if isinstance(at, slice):
            return [self[one] for one in range(len(self))[at]]
        first = self._a[self._ours[at]]
        return PairView(first.api, first, self._b[self._theirs[at]])


def answers_of(run: Path, items: "Mapping[str, Item]") -> Sequence[ItemView]:
    """A run's answers; ``items`` are its questions by their ids.

    Raises:
        RunError: a file is damaged.
    """
    rows = StoredRows(run / run_directory.GENERATIONS)
    answers = StoredAnswers(items, rows, StoredRows(run / run_directory.SCORES, rows))
    files = [run / name for name in (run_directory.GENERATIONS, run_directory.SCORES)]
    size = sum(file.stat().st_size for file in files if file.exists())
    return answers if size > HELD else list(answers)


def item_view(item: "Item | None", row: dict[str, Any], answer: dict[str, Any], document: str = "") -> ItemView:
    """One scored answer joined with its question, if that is here, its row of ``generations.jsonl`` and document."""
    extraction = row["extraction"]
    return ItemView(
        id=row["item"],
        sample=row["sample"],
        instruction=item.instruction if item else "The question is not in the data here.",
        reference_call=item.reference_call if item else "",
        reference_program=item.reference_program if item else "",
        domain=item.domain if item else "",
        text=answer.get("text", ""),
        call=extraction.get("call"),
        program=extraction.get("program"),
        how=extraction.get("how", ""),
        metrics=row["metrics"],
        labels=row["labels"],
        messages=row.get("messages", {}),
        verdict=row.get("verdict"),
        unfinished=row.get("unfinished"),
        reasoning=answer.get("reasoning", ""),
        api=item.api if item else "",
        separated=extraction.get("reasoning", ""),
        document=document,
    )
