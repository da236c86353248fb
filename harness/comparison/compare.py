"""Compares two runs over one benchmark, answer by answer: where their texts diverge, and how their scores differ.

Answers are paired by (item, sample). Answers that only one run has are listed and not compared. A verdict of ``infra``
means that the sandbox failed and says nothing about the answer, so the verdicts of such a pair are not compared.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

from apigauge.errors import RunError, UsageError
from apigauge.file_formats import GenerationRow, Manifest, ScoreRow, UnfinishedRecord
from apigauge.harness.comparison.divergence import Divergence, Tokenizer, Words, diverge
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.unfinished import count
from apigauge.harness.metrics.executability import INFRA, infra_errors, is_withheld, withheld_names
from apigauge.harness.metrics.table import NAMES
from apigauge.harness.statistics.paired import Contrast, Scores, contrasts

_VERDICT = ("status", "category", "stage")
_EXTRACTED = ("call", "program")


@dataclass(frozen=True, slots=True)
class LoadedRun:
    """The files of a run directory; rows by (item, sample)."""

    path: Path
    manifest: Manifest
    answers: dict[run_directory.Key, GenerationRow]
    scores: dict[run_directory.Key, ScoreRow]


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
        different: the pairs that differ, in the first run's order.
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
    different: list[Difference]
    only_a: list[run_directory.Key]
    only_b: list[run_directory.Key]
    unfinished: tuple[UnfinishedRecord | None, UnfinishedRecord | None] = (None, None)


def read(path: Path) -> LoadedRun:
    """Reads a run directory.

    Raises:
        RunError: it is not a run directory, or damaged.
    """
    manifest = run_directory.read_manifest(path)
    answers = cast("list[GenerationRow]", run_directory.read_rows(path / run_directory.GENERATIONS))
    scores = cast("list[ScoreRow]", run_directory.read_rows(path / run_directory.SCORES))
    return LoadedRun(
        path,
        manifest,
        {(row["item"], row["sample"]): row for row in answers},
        {(row["item"], row["sample"]): row for row in scores},
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
    is_left_out = any(is_withheld(*infra_errors(run.scores.values())) for run in (a, b))
    withheld = withheld_names([*a.scores.values(), *b.scores.values()]) if is_left_out else []
    names = [name for name in NAMES if name not in withheld]
    compared = [_difference(a, b, key, names, tokenizer or Words()) for key in keys]
    executed = [key for key in scored if _verdict(a.scores[key]) and _verdict(b.scores[key])]
    return Comparison(
        manifests=run_directory.differences(cast("dict[str, Any]", a.manifest), cast("dict[str, Any]", b.manifest)),
        pairs=len(keys),
        texts=Agreement(len(keys), sum(one.text is None for one in compared)),
        extractions=Agreement(len(scored), len(scored) - sum(bool(one.extraction) for one in compared)),
        verdicts=Agreement(len(executed), len(executed) - sum(one.verdict is not None for one in compared)),
        metrics=contrasts({name: both for name in names if (both := _scores(a, b, scored, name, apis))}),
        withheld=withheld,
        different=[one for one in compared if one.text or one.extraction or one.verdict or one.metrics],
        only_a=[key for key in a.answers if key not in b.answers],
        only_b=[key for key in b.answers if key not in a.answers],
        unfinished=(count([*a.scores.values()]), count([*b.scores.values()])),
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
    a: LoadedRun, b: LoadedRun, key: run_directory.Key, names: Sequence[str], tokenizer: Tokenizer
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
    a: LoadedRun, b: LoadedRun, keys: Sequence[run_directory.Key], name: str, apis: Mapping[str, str]
) -> Scores | None:
    """A metric's scores of the answers that have it in both runs; None if no answer has."""
    keys = [key for key in keys if name in a.scores[key]["metrics"] and name in b.scores[key]["metrics"]]
    if not keys:
        return None
    if unknown := [item for item, _ in keys if item not in apis]:
        raise RunError(f"{a.path}: item {unknown[0]!r} is not in the benchmark; was its data replaced?")
    first, second = ([run.scores[key]["metrics"][name] for key in keys] for run in (a, b))
    return Scores(first, second, [apis[item] for item, _ in keys])


def _sides(pair: tuple[Any, Any]) -> dict[str, Any]:
    return {"a": pair[0], "b": pair[1]}
