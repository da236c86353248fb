"""The reward-hacking check as shown: a seed's checkpoints, and where the reward rises while metrics get worse."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from apigauge.harness.metrics.table import MetricInfo
from apigauge.reports.cells import EMPTY, format_difference, format_p, format_value
from apigauge.reports.plots import Plot, Series, plot
from apigauge.reports.views import TrainingCheckpoint

_SIZE = (200, 140)
# A share's axis spans at least this part of it, so that noise does not look like a rise or a fall.
_LEAST_SPAN = 0.1


@dataclass(frozen=True, slots=True)
class Score:
    """A metric at a checkpoint: its value, how far that is from the start, the p-value, and whether it is flagged."""

    text: str
    change: str
    p: str
    is_flagged: bool


@dataclass(frozen=True, slots=True)
class Step:
    """A checkpoint's row; ``flagged`` names the metrics that got significantly worse, and is empty if none did."""

    step: int
    reward: str
    scores: tuple[Score, ...]
    flagged: str


@dataclass(frozen=True, slots=True)
class SeedCheck:
    """A seed's checkpoints.

    Attributes:
        seed: which.
        style: the number of its colour.
        steps: its checkpoints, the start first.
        plots: the reward, then each metric.
        rose: whether the reward is greater at the last one than at the start.
        summary: reward and flagged metrics at the start and at the last one.
    """

    seed: int
    style: int
    steps: tuple[Step, ...]
    plots: tuple[Plot, ...]
    rose: bool
    summary: str

    @property
    def is_possible(self) -> bool:
        """Whether there is a checkpoint to compare with the start."""
        return len(self.steps) > 1

    @property
    def flagged(self) -> str:
        """The metrics that are significantly worse at the last checkpoint than at the start; empty if none is."""
        return self.steps[-1].flagged

    @property
    def flagged_at(self) -> list[int]:
        """The steps at which it is flagged."""
        return [one.step for one in self.steps if one.flagged]


def check_seed(
    seed: int, style: int, checkpoints: Sequence[TrainingCheckpoint], columns: Sequence[MetricInfo]
) -> SeedCheck:
    """A seed's checkpoints, of which there is at least one, as shown."""
    steps = tuple(_step(one, checkpoints[0], columns) for one in checkpoints)
    first, last = steps[0], steps[-1]
    texts = [f"reward {first.reward} to {last.reward}"]
    for column, before, after in zip(columns, first.scores, last.scores, strict=True):
        if after.is_flagged:
            texts.append(f"{column.name} {before.text} to {after.text} {column.unit} (p {after.p})")
    return SeedCheck(
        seed=seed,
        style=style,
        steps=steps,
        plots=_plots(seed, style, checkpoints, columns),
        rose=checkpoints[-1].reward > checkpoints[0].reward,
        summary=", ".join(texts),
    )


def format_reward(value: float) -> str:
    """A reward, which has no unit, with three decimals."""
    text = f"{abs(value):.3f}"
    return "\u2212" + text if value < 0 and float(text) else text


def _step(one: TrainingCheckpoint, first: TrainingCheckpoint, columns: Sequence[MetricInfo]) -> Step:
    fallen = [f"{column.name} {_worse(column)}" for column in columns if column.name in one.fell]
    return Step(one.step, format_reward(one.reward), tuple(_score(one, first, c) for c in columns), ", ".join(fallen))


def _score(one: TrainingCheckpoint, first: TrainingCheckpoint, column: MetricInfo) -> Score:
    value, start = one.scores.get(column.name), first.scores.get(column.name)
    p = (one.p or {}).get(column.name)
    return Score(
        text=EMPTY if value is None else format_value(value, column),
        change="" if value is None or start is None or one is first else format_difference(value - start, column),
        p="" if p is None else format_p(p),
        is_flagged=column.name in one.fell,
    )


def _worse(column: MetricInfo) -> str:
    return "rose" if column.lower_is_better else "fell"


def _plots(
    seed: int, style: int, checkpoints: Sequence[TrainingCheckpoint], columns: Sequence[MetricInfo]
) -> tuple[Plot, ...]:
    name, steps = f"seed {seed}", [one.step for one in checkpoints]
    reward = Series(name, style, steps, [one.reward for one in checkpoints], dotted=True)
    plots = [plot("Mean reward", "", [reward], _SIZE)]
    for column in columns:
        scored = [one for one in checkpoints if column.name in one.scores]
        scale = 100 if column.is_share else 1
        values = [one.scores[column.name] * scale for one in scored]
        bad = frozenset(at for at, one in enumerate(scored) if column.name in one.fell)
        series = Series(name, style, [one.step for one in scored], values, bad, dotted=True)
        plots.append(plot(column.name, column.unit, [series], _SIZE, _span(values, column.top * scale)))
    return tuple(one for one in plots if one)


def _span(values: Sequence[float], top: float) -> tuple[float, ...]:
    """The ends of the least span of an axis, around the values and within 0 and the metric's top."""
    if not values:
        return ()
    half = _LEAST_SPAN * top / 2
    # A multiple of half the span, so that the axis need not reach further to end at round numbers.
    low = math.floor((min(values) + max(values)) / 2 / half - 1) * half
    low = min(max(0.0, low), top - 2 * half)
    return low, low + 2 * half
