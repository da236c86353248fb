"""Compares two runs over one benchmark, answer by answer: where their texts diverge, and how their scores differ.

Answers are paired by (item, sample). Answers that only one run has are listed and not compared. A verdict of ``infra``
means that the sandbox failed and says nothing about the answer, so the verdicts of such a pair are not compared.
"""

import functools
from array import array
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast, overload

from apigauge.errors import RunError, UsageError
from apigauge.file_formats import GenerationRow, Manifest, ScoreRow, UnfinishedRecord
from apigauge.harness.comparison.divergence import Divergence, Tokenizer, Words, diverge
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.score_rows import ScoreRows, tally
from apigauge.harness.evaluation.stored_rows import StoredRows
from apigauge.harness.metrics.executability import INFRA, is_withheld, withheld_names
from apigauge.harness.metrics.table import NAMES
from apigauge.harness.statistics.paired import Contrast, Scores, contrasts

_VERDICT = ("status", "category", "stage")
_EXTRACTED = ("call", "program")


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """The files of a run directory; rows by (item, sample)."""

    path: Path
    manifest: Manifest
    answers: Mapping[run_directory.Key, GenerationRow]
    scores: Mapping[run_directory.Key, ScoreRow]


@dataclass(frozen=True, slots=True)
class Agreement:
    """How many pairs could be compared in one respect, and how many of them are identical."""

    compared: int
    identical: int

    def to_json(self) -> dict[str, Any]:
        """The counts and the share of identical pairs; the share is None where no pair could be compared."""
        return asdict(self) | {"share": self.identical / self.compared if self.compared else None}


@dataclass(frozen=True, slots=True)
class Difference:
    """The differences between two answers; empty or None where they agree. Pairs are (first run, second run)."""

    item: str
    sample: int
    text: Divergence | None
    extraction: dict[str, tuple[Any, Any]]
    verdict: tuple[dict[str, Any], dict[str, Any]] | None
    metrics: dict[str, tuple[float, float]]

    def to_json(self) -> dict[str, Any]:
        """As ``apigauge compare --json`` prints it."""
        return {
            "item": self.item,
            "sample": self.sample,
            "text": asdict(self.text) if self.text else None,
            "extraction": {name: _sides(pair) for name, pair in self.extraction.items()},
            "verdict": _sides(self.verdict) if self.verdict else None,
            "metrics": {name: _sides(pair) for name, pair in self.metrics.items()},
        }


class Differences(Sequence[Difference]):
    """Pairs of answers, compared when one is looked at: of a million they would take gigabytes."""

    def __init__(
        self, keys: Sequence[run_directory.Key], compare_pair: Callable[[run_directory.Key], Difference]
    ) -> None:
        self._keys, self._compare = keys, compare_pair

    def __len__(self) -> int:
        return len(self._keys)

    @overload
    def __getitem__(self, at: int) -> Difference: ...

    @overload
    def __getitem__(self, at: slice) -> "Differences": ...

    def __getitem__(self, at: int | slice) -> "Difference | Differences":
        return Differences(self._keys[at], self._compare) if isinstance(at, slice) else self._compare(self._keys[at])


@dataclass(frozen=True, slots=True)
class Comparison:
    """The comparison of two runs.

    Attributes:
        manifests: dotted name and both values of each manifest entry that differs.
        pairs: number of answers that both runs have.
        texts: agreement over all pairs.
        extractions: agreement over the pairs that both runs scored.
        verdicts: agreement over the pairs that both runs executed.
        metrics: by name, over the answers that have the metric in both runs.
        withheld: metrics left out because the sandbox failed too often in one run.
        different: the pairs that differ, in the first run's order; each is compared again when it is looked at.
        only_a: answers that only the first run has.
        only_b: answers that only the second run has.
        unfinished: of each run how many answers have no end; None if it, scored by an older version, does not say.
    """

    manifests: list[tuple[str, Any, Any]]
    pairs: int
    texts: Agreement
    extractions: Agreement
    verdicts: Agreement
    metrics: dict[str, Contrast]
    withheld: list[str]
    different: Sequence[Difference]
    only_a: list[run_directory.Key]
    only_b: list[run_directory.Key]
    unfinished: tuple[UnfinishedRecord | None, UnfinishedRecord | None] = (None, None)


def read(path: Path, like: LoadedRun | None = None) -> LoadedRun:
    """Reads a run directory; ``like`` is a run of most likely the same questions, whose keys then serve for both.

    Raises:
        RunError: it is not a run directory, or damaged.
    """
    manifest = run_directory.read_manifest(path)
    answers = StoredRows(path / run_directory.GENERATIONS, cast("StoredRows | None", like and like.answers))
    scores = StoredRows(path / run_directory.SCORES, answers)
    return LoadedRun(
        path,
        manifest,
        cast("Mapping[run_directory.Key, GenerationRow]", answers),
        cast("Mapping[run_directory.Key, ScoreRow]", scores),
    )


def compare(a: LoadedRun, b: LoadedRun, apis: Mapping[str, str], tokenizer: Tokenizer | None = None) -> Comparison:
    """Compares two runs.

    Args:
        a: the first run.
        b: the second run, over the same benchmark; differences are b minus a.
        apis: the key of each item's API; may be empty where a run has no scores.
        tokenizer: splits texts to find where they diverge; :class:`Words` by default.

    Raises:
        UsageError: the runs differ in benchmark or data.
        RunError: an answer belongs to no item of the benchmark.
    """
    check_benchmarks(a, b)
    keys = [key for key in a.answers if key in b.answers]
    scored = [key for key in keys if key in a.scores and key in b.scores]
    counts = [tally(run.scores.values()) for run in (a, b)]
    is_left_out = any(is_withheld(one.failed, one.ran) for one in counts)
    withheld = withheld_names([{"metrics": one.scores.names} for one in counts]) if is_left_out else []
    names = [name for name in NAMES if name not in withheld]
    one_by_one = functools.partial(_difference, a, b, names, tokenizer or Words())
    scores = _scores(a, [one.scores for one in counts], scored, names, apis)
    unfinished = counts[0].unfinished(), counts[1].unfinished()
    # Of a million answers the columns of all metrics take 180 MB.
    del counts
    different, executed, unlike = [], 0, Counter[str]()
    for key in keys:
        is_scored = key in a.scores and key in b.scores
        executed += bool(is_scored and _verdict(a.scores[key]) and _verdict(b.scores[key]))
        one = one_by_one(key)
        if one.text or one.extraction or one.verdict or one.metrics:
            different.append(key)
            unlike.update(text=one.text is not None, extraction=bool(one.extraction), verdict=one.verdict is not None)
    return Comparison(
        manifests=run_directory.differences(cast("dict[str, Any]", a.manifest), cast("dict[str, Any]", b.manifest)),
        pairs=len(keys),
        texts=Agreement(len(keys), len(keys) - unlike["text"]),
        extractions=Agreement(len(scored), len(scored) - unlike["extraction"]),
        verdicts=Agreement(executed, executed - unlike["verdict"]),
        metrics=contrasts(scores),
        withheld=withheld,
        different=Differences(different, one_by_one),
        only_a=[key for key in a.answers if key not in b.answers],
        only_b=[key for key in b.answers if key not in a.answers],
        unfinished=unfinished,
    )


def check_benchmarks(a: LoadedRun, b: LoadedRun) -> None:
    """Refuses runs that cannot be paired.

    Raises:
        UsageError: the runs differ in benchmark or data; says in which.
    """
    for field, advice in (("name", "compare runs over one benchmark"), ("digest", "answer the same data with both")):
        first, second = (run.manifest["benchmark"].get(field) for run in (a, b))
        if first != second:
            raise UsageError(
                f"the benchmark's {field} differs: {first!r} in {a.path}, {second!r} in {b.path}; {advice}"
            )


def _difference(
    a: LoadedRun, b: LoadedRun, names: Sequence[str], tokenizer: Tokenizer, key: run_directory.Key
) -> Difference:
    one, other = a.answers[key]["text"], b.answers[key]["text"]
    divergence = diverge(one, other, tokenizer) if one != other else None
    if key not in a.scores or key not in b.scores:
        return Difference(*key, divergence, {}, None, {})
    left, right = a.scores[key], b.scores[key]
    extracted = {name: (left["extraction"].get(name), right["extraction"].get(name)) for name in _EXTRACTED}
    numbers = {
        name: (left["metrics"][name], right["metrics"][name])
        for name in names
        if name in left["metrics"] and name in right["metrics"]
    }
    first, second = _verdict(left), _verdict(right)
    return Difference(
        *key,
        divergence,
        {name: pair for name, pair in extracted.items() if pair[0] != pair[1]},
        (first, second) if first and second and first != second else None,
        {name: pair for name, pair in numbers.items() if pair[0] != pair[1]},
    )


def _verdict(row: ScoreRow) -> dict[str, Any] | None:
    """The compared fields of a verdict; None if the program was not run or the sandbox failed."""
    verdict = row.get("verdict")
    if not isinstance(verdict, dict) or verdict.get("status") == INFRA:
        return None
    return {name: verdict.get(name) for name in _VERDICT}


def _scores(
    a: LoadedRun,
    sides: Sequence[ScoreRows],
    keys: Sequence[run_directory.Key],
    names: Sequence[str],
    apis: Mapping[str, str],
) -> dict[str, Scores]:
    """The scores of the answers that have a metric in both runs, of each metric that any such answer has."""
    places = [side.places(keys) for side in sides]
    scores = {}
    # Metrics that the same answers have share one list.
    shared: dict[bytes, list[str]] = {}
    for name in names:
        columns = [side.column(name) for side in sides]
        has_both = columns[0][1][places[0]] & columns[1][1][places[1]]
        if not has_both.any():
            continue
        if (same := has_both.tobytes()) not in shared:
            items = [keys[at][0] for at in has_both.nonzero()[0].tolist()]
            if unknown := [item for item in items if item not in apis]:
                raise RunError(f"{a.path}: item {unknown[0]!r} is not in the benchmark; was its data replaced?")
            shared[same] = [apis[item] for item in items]
        numbers = [
            array("d", values[place][has_both].tobytes()) for (values, _), place in zip(columns, places, strict=True)
        ]
        scores[name] = Scores(numbers[0], numbers[1], shared[same])
    return scores


def _sides(pair: tuple[Any, Any]) -> dict[str, Any]:
    return {"a": pair[0], "b": pair[1]}
