"""Labelled answers, and pairs of them, for training and evaluating a reward model."""

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, cast

from apigauge.benchmarks.types import Benchmark
from apigauge.errors import RunError
from apigauge.file_formats import GenerationRow, ScoreRow
from apigauge.harness.evaluation import run_directory


@dataclass(frozen=True, slots=True)
class Labelled:
    """An answer and its label.

    Attributes:
        item: of the question.
        sample: number of the answer to that question.
        api: key of the reference API.
        prompt: of the question.
        text: of the answer.
        score: number of questions answered with yes; None if the labeler gave no usable answer.
        metrics: the harness's own scores of the answer, by name; empty if it was not scored.
        ended: False if the answer was truncated.
    """

    item: str
    sample: int
    api: str
    prompt: str
    text: str
    score: float | None
    metrics: dict[str, float]
    ended: bool = True


class Pair(NamedTuple):
    """Two answers to one prompt; the labeler scored the first higher by ``margin`` points."""

    chosen: Labelled
    rejected: Labelled
    margin: float


def read(benchmark: Benchmark, answers: Path, labels: Path, scored: Path | None = None) -> list[Labelled]:
    """The answers to a benchmark's training items with their labels, by item and sample.

    Args:
        benchmark: whose training items were answered.
        answers: the run directory with the answers.
        labels: a labeler's ``labels.jsonl``; an answer that is not in it has no score.
        scored: a run directory with ``scores.jsonl`` of the same answers, if there is one.

    Raises:
        RunError: a file is damaged, or its rows belong to other items or answers.
    """
    items = {item.id: item for item in benchmark.train}
    generations = cast("list[GenerationRow]", run_directory.read_rows(answers / run_directory.GENERATIONS))
    drawn = {_row_key(row): row for row in generations}
    scores = {_row_key(row): _score(row, labels) for row in run_directory.read_rows(labels)}
    score_rows = cast("list[ScoreRow]", run_directory.read_rows(scored / run_directory.SCORES) if scored else [])
    metrics = {_row_key(row): row["metrics"] for row in score_rows}
    for key, path in [(key, labels) for key in scores] + [(key, scored) for key in metrics]:
        if key not in drawn:
            raise RunError(
                f"{path}: {answers} has no answer {key[1]} to item {key[0]!r}; the two come from different runs."
            )
    if unknown := sorted({item for item, _ in drawn} - items.keys()):
        raise RunError(f"{answers}: item {unknown[0]!r} is no training item of {benchmark.name}; was it replaced?")
    return [
        Labelled(
            item, sample, items[item].api, benchmark.prompt(items[item]), row["text"],
            scores.get((item, sample)), metrics.get((item, sample), {}), row.get("finish_reason", "stop") == "stop",
        )
        for (item, sample), row in sorted(drawn.items())
    ]  # fmt: skip


def paired(answers: Sequence[Labelled]) -> tuple[list[Pair], int]:
    """All pairs of answers to one item with different scores, and the number of pairs with equal scores.

    Pairs are sorted by item and sample, independent of the order of the answers.
    """
    pairs, ties = [], 0
    usable = sorted((one for one in answers if one.score is not None), key=lambda one: (one.item, one.sample))
    for _, group in itertools.groupby(usable, key=lambda one: one.item):
        for first, second in itertools.combinations(group, 2):
            assert first.score is not None
            assert second.score is not None
            margin = first.score - second.score
            if margin:
                pairs.append(Pair(first, second, margin) if margin > 0 else Pair(second, first, -margin))
            else:
                ties += 1
    return pairs, ties


def best(answers: Sequence[Labelled]) -> list[Labelled]:
    """Of each item the answer with the highest score, the first of several; items without a score are left out."""
    usable = sorted((one for one in answers if one.score is not None), key=lambda one: (one.item, one.sample))
    groups = (list(group) for _, group in itertools.groupby(usable, key=lambda one: one.item))
    return [max(group, key=lambda one: one.score or 0.0) for group in groups]


def split(pairs: Sequence[Pair], held_out: float, seed: int) -> tuple[list[Pair], list[Pair]]:
    """Splits pairs by prompt into a training part and a held-out part.

    Args:
        pairs: all.
        held_out: fraction of the prompts with pairs that is held out; at least one prompt.
        seed: of the random choice.

    Raises:
        RunError: fewer than two prompts have pairs.
    """
    prompts = sorted({pair.chosen.prompt for pair in pairs})
    if len(prompts) < 2:
        raise RunError(
            f"{len(prompts)} prompts have answers with different scores; a reward model needs two, one to learn from "
            "and one to be evaluated on. Draw more answers or use another labeler"
        )
    count = min(max(1, round(held_out * len(prompts))), len(prompts) - 1)
    held = set(random.Random(seed).sample(prompts, count))  # noqa: S311 - no secret
    learnt = [pair for pair in pairs if pair.chosen.prompt not in held]
    return learnt, [pair for pair in pairs if pair.chosen.prompt in held]


def capped(pairs: Sequence[Pair], most: int | None, seed: int) -> list[Pair]:
    """At most ``most`` random pairs of each item (all if None), drawn independently for each item, grouped by item."""
    chosen: list[Pair] = []
    for item, group in itertools.groupby(pairs, key=lambda pair: pair.chosen.item):
        candidates = list(group)
        draws = random.Random(f"{seed} {item}")  # noqa: S311 - no secret
        chosen += candidates if most is None else draws.sample(candidates, min(most, len(candidates)))
    return chosen


def _row_key(row: Mapping[str, Any]) -> run_directory.Key:
    return row["item"], row["sample"]


def _score(row: dict[str, Any], path: Path) -> float | None:
    score = row.get("score", "missing")
    if score is None or (isinstance(score, int | float) and not isinstance(score, bool)):
        return score
    raise RunError(f"{path}: the score of answer {row['sample']} to item {row['item']!r} is {score!r}; label it again.")
