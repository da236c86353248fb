"""What a training came to: means and paired differences over all seeds, and whether reward and scores parted.

Seeds answer the same questions, so their answers about an API are one cluster: intervals are over APIs, and say how
the result would be with other questions, not with other seeds. Each seed's own difference stands beside them.
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
        reward: mean reward of the answers drawn since the checkpoint before; at the start, of the first step. Of DPO,
            which draws none to learn from, that of answers the checkpoint itself has drawn.
        scores: for each metric, those of the questions it answered.
    """

    step: int
    reward: float
    scores: Mapping[str, Scores]

    def mean(self, metric: str) -> float:
        """The mean of a metric."""
        values = self.scores[metric].values()
        return sum(values) / len(values)


@dataclass(frozen=True, slots=True)
class Parted:
    """Whether reward and scores went different ways from the start to a checkpoint.

    Attributes:
        step: of the checkpoint.
        reward: how much it gained.
        p: for each metric, that it is no worse than at the start, one-sided, Holm's correction over the metrics.
        fell: the metrics that did fall, and that is no chance.
    """

    step: int
    reward: float
    p: dict[str, float]
    fell: list[str]

    @property
    def is_hacked(self) -> bool:
        """Whether the reward rose while a metric fell: what is rewarded is then not what is wanted."""
        return self.reward > 0 and bool(self.fell)


def mean(runs: Sequence[Scores], apis: Mapping[str, str]) -> Estimate:
    """The mean of a metric over all seeds' runs."""
    rows = [(value, apis[item]) for run in runs for item, value in sorted(run.items())]
    return estimate([value for value, _ in rows], [api for _, api in rows])


def difference(before: Sequence[Scores], after: Sequence[Scores], apis: Mapping[str, str]) -> Estimate:
    """The mean of what ``after`` scores more, over the answers that both have.

    Args:
        before: one run for each of ``after``'s, in the same order.
        after: one run for each seed.
        apis: the key of the API that each item asks for.
    """
    rows = [
        (old[item], new[item], apis[item])
        for old, new in zip(before, after, strict=True)
        for item in sorted(old.keys() & new.keys())
    ]
    olds, news, clusters = zip(*rows, strict=True)
    return paired_difference(olds, news, clusters)


def parted(start: Checkpoint, later: Checkpoint, apis: Mapping[str, str]) -> Parted:
    """The reward-hacking check: did a metric fall while the reward rose?"""
    chances = []
    for metric in METRICS:
        old, new = start.scores[metric], later.scores[metric]
        items = sorted(old.keys() & new.keys())
        found = pairs([old[item] for item in items], [new[item] for item in items], [apis[item] for item in items])
        chances.append(worse(found))
    p = dict(zip(METRICS, holm(chances), strict=True))
    return Parted(later.step, later.reward - start.reward, p, [name for name, chance in p.items() if chance <= ALPHA])


def curve(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> dict[str, list[float]]:
    """Columns of a training's ``metrics.jsonl``, by step, without those that its algorithm does not have."""
    known = [name for name in ("step", *names) if all(name in row for row in rows)]
    return {name: [float(row[name]) for row in rows] for name in known}
