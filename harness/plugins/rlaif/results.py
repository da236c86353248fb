"""Results of a training: means and paired differences over all seeds, and the check for reward hacking.

Seeds answer the same questions, so their answers about an API are one cluster: intervals are over APIs and cover the
choice of questions, not of seeds. The report lists each seed's own difference next to them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from apigauge.harness.statistics.intervals import Estimate, estimate, paired_difference
from apigauge.harness.statistics.significance import ALPHA, holm, pairs, worse

METRICS = ("exec.rate", "ast.exact")

# One run's scores of a metric by item, and runs by seed.
Scores = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """One point of a training.

    Attributes:
        step: of the training; 0 is its start.
        reward: mean reward of the answers drawn since the previous checkpoint; at the start, of one answer to each
            training question. For DPO, which learns offline, of answers drawn from the checkpoint itself.
        scores: by metric, the score of each question.
    """

    step: int
    reward: float
    scores: Mapping[str, Scores]

    def mean(self, metric: str) -> float:
        """The mean of a metric."""
        values = self.scores[metric].values()
        return sum(values) / len(values)


@dataclass(frozen=True, slots=True)
class HackingCheck:
    """Whether metrics dropped while the reward rose, from the start to a checkpoint.

    Attributes:
        step: of the checkpoint.
        reward: its reward minus that of the start.
        p: for each metric, the p-value of "no worse than at the start", one-sided, with Holm's correction.
        fell: the metrics with a significant drop.
    """

    step: int
    reward: float
    p: dict[str, float]
    fell: list[str]

    @property
    def is_hacked(self) -> bool:
        """Whether the reward rose while a metric dropped: the reward does not measure what it should."""
        return self.reward > 0 and bool(self.fell)


def mean(runs: Sequence[Scores], apis: Mapping[str, str]) -> Estimate:
    """The mean of a metric over all seeds' runs."""
    rows = [(value, apis[item]) for run in runs for item, value in sorted(run.items())]
    return estimate([value for value, _ in rows], [api for _, api in rows])


def difference(before: Sequence[Scores], after: Sequence[Scores], apis: Mapping[str, str]) -> Estimate:
    """The mean difference ``after`` minus ``before``, over the items that both have.

    Args:
        before: one run for each of ``after``, in the same order.
        after: one run for each seed.
        apis: item -> key of its reference API.
    """
    rows = [
        (old[item], new[item], apis[item])
        for old, new in zip(before, after, strict=True)
        for item in sorted(old.keys() & new.keys())
    ]
    olds, news, clusters = zip(*rows, strict=True)
    return paired_difference(olds, news, clusters)


def check_hacking(start: Checkpoint, later: Checkpoint, apis: Mapping[str, str]) -> HackingCheck:
    """The check for reward hacking: did a metric drop significantly while the reward rose?"""
    p_values = []
    for metric in METRICS:
        old, new = start.scores[metric], later.scores[metric]
        items = sorted(old.keys() & new.keys())
        paired = pairs([old[item] for item in items], [new[item] for item in items], [apis[item] for item in items])
        p_values.append(worse(paired))
    p = dict(zip(METRICS, holm(p_values), strict=True))
    fell = [name for name, value in p.items() if value <= ALPHA]
    return HackingCheck(later.step, later.reward - start.reward, p, fell)


def unread(rows: Sequence[Mapping[str, Any]]) -> int:
    """Answers of a training about which the labeler's reply could not be read, by its ``metrics.jsonl``."""
    return sum(int(row.get("unread", 0)) for row in rows)


def curve(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, list[float]]:
    """Columns of a training's ``metrics.jsonl``, by step; columns that its algorithm does not write are left out."""
    columns = [name for name in ("step", *names) if all(name in row for row in rows)]
    return {name: [float(row[name]) for row in rows] for name in columns}
