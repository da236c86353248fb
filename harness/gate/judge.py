"""The gate's decision: worse, not worse, or not enough answers to tell.

A metric is a **regression** if it fell and that is no chance: the sign-flip test (significance.py), Holm's correction
over the metrics asked for, alpha 0.05. It is a **pass** if it is none and the whole 95 % interval of the difference
lies above minus the margin: no worse by more than that (non-inferiority, ICH E9, 1998, section 3.3.2). It is
**inconclusive** if it is neither. Too few answers do not pass, unless not one of them changed, and noise alone rarely
fails.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from apigauge.errors import RunError, UsageError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.gate.outcomes import Outcomes
from apigauge.harness.metrics.table import LOWER_IS_BETTER, NAMES, TOP, is_executed
from apigauge.harness.statistics.intervals import paired_difference
from apigauge.harness.statistics.significance import (
    ALPHA,
    Pairs,
    answers_needed,
    holm,
    mcnemar,
    minimum_detectable,
    pairs,
    worse,
)

MARGIN = 0.05
DEFAULT = ("ast.exact", "exec.rate")
Decision = Literal["pass", "inconclusive", "regression"]
_WORST: tuple[Decision, ...] = ("regression", "inconclusive", "pass")


@dataclass(frozen=True, slots=True)
class Asked:
    """A metric to judge.

    Attributes:
        name: of the metric.
        margin: the drop that must be ruled out for a pass, in the metric's own unit.
        part: which part of the benchmark it is judged on, such as ``domain:Translation``; empty for all of it.
        items: the items of that part; None for all.
    """

    name: str
    margin: float = MARGIN
    part: str = ""
    items: frozenset[str] | None = None

    @property
    def share(self) -> float:
        """The margin as a share of the metric's range."""
        return self.margin / TOP.get(self.name, 1.0)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one metric.

    Attributes:
        name: of the metric.
        part: of the benchmark; empty for all of it.
        margin: as asked.
        before: the baseline's mean.
        after: the run's mean.
        difference: after minus before.
        low: of its 95 % interval.
        high: of its 95 % interval.
        n: answers compared.
        apis: clusters they fall into.
        p: one-sided, that the run is no worse.
        p_adjusted: by Holm over all metrics asked for.
        mcnemar: p-value of McNemar's exact test, which counts answers about one API as if each stood alone; None where
            scores are no zeros and ones.
        minimum_detectable: the smallest fall that such data would show in 80 % of all cases; None if none would.
        needed: about how many answers would show a fall of the margin.
        decision: of this metric.
        lost: answers that were better before, by API, the API that lost most first.
    """

    name: str
    part: str
    margin: float
    before: float
    after: float
    difference: float
    low: float
    high: float
    n: int
    apis: int
    p: float
    p_adjusted: float
    mcnemar: float | None
    minimum_detectable: float | None
    needed: int
    decision: Decision
    lost: dict[str, list[run_directory.Key]]

    @property
    def title(self) -> str:
        """The metric, and the part of the benchmark."""
        return f"{self.name} of {self.part}" if self.part else self.name

    def to_json(self) -> dict[str, Any]:
        """As ``apigauge gate --json`` prints it."""
        return asdict(self) | {"lost": {api: [list(key) for key in keys] for api, keys in self.lost.items()}}


def worst(findings: Sequence[Finding]) -> Decision:
    """One decision for all: the worst there is. That a part has too few answers to tell is none of the whole."""
    counted = [one.decision for one in findings if not (one.part and one.decision == "inconclusive")]
    return next(decision for decision in _WORST if decision in counted)


def judge(
    baseline: Outcomes, run: Outcomes, asked: Sequence[Asked], apis: Mapping[str, str], alpha: float = ALPHA
) -> list[Finding]:
    """Judges a run by its baseline.

    Args:
        baseline: what was.
        run: what is.
        asked: at least one metric.
        apis: the key of the API that each item asks for.
        alpha: chance of a false alarm, over all metrics together.

    Raises:
        RunError: the two cannot be compared; says why.
        UsageError: a metric that neither has.
    """
    check(baseline, run, [one.name for one in asked])
    paired = [pair(baseline, run, one, apis) for one in asked]
    chances = [worse(one.pairs()) for one in paired]
    found = []
    for one, scores, p, adjusted in zip(asked, paired, chances, holm(chances), strict=True):
        interval = paired_difference(scores.before, scores.after, scores.apis)
        decision: Decision = "inconclusive"
        if adjusted <= alpha:
            decision = "regression"
        elif interval.low > -one.share:
            decision = "pass"
        found.append(finding(one, scores, (interval.low, interval.high), (p, adjusted), decision, alpha / len(asked)))
    return found


def check(baseline: Outcomes, run: Outcomes, names: Sequence[str]) -> None:
    """Refuses what cannot be compared.

    Raises:
        RunError: another benchmark, other data, prompts or scorers, other answers, or too much trouble of a sandbox.
        UsageError: a metric that there is not.
    """
    for name in names:
        if name not in NAMES:
            raise UsageError(f"--metric {name}: there is no such metric; there are: {', '.join(NAMES)}")
    for what, old, new in (
        ("benchmark", baseline.benchmark, run.benchmark),
        ("digest of the data", baseline.digest, run.digest),
        ("digest of the prompts", baseline.prompts, run.prompts),
        *((f"scorer of {name}", baseline.scorers.get(name), run.scorers.get(name)) for name in names),
    ):
        if old is None or new is None:
            raise RunError(f"{(baseline if old is None else run).path}: it has no {what.removeprefix('scorer of ')}")
        if old != new:
            raise RunError(
                f"the {what} differs: {old!r} in {baseline.path}, {new!r} in {run.path}. "
                + (
                    "`apigauge rerun RUN` scores a run anew."
                    if what.startswith("scorer")
                    else "They cannot be compared."
                )
            )
    sides = (baseline, run), (run, baseline)
    for one, other in sides:
        if one.withheld and any(is_executed(name) for name in names):
            share = f"{one.infra_error_rate:.1%}"
            raise RunError(
                f"{one.path}: {share} of its programs failed through the sandbox's own trouble; run it again"
            )
        if missing := other.rows.keys() - one.rows.keys():
            item, sample = min(missing)
            raise RunError(f"{one.path}: it lacks {len(missing)} answers, among them to item {item!r}, sample {sample}")


@dataclass(frozen=True, slots=True)
class Paired:
    """Both runs' scores, from 0 to 1 with more being better, and the API that each answer was to name."""

    keys: list[run_directory.Key]
    before: list[float]
    after: list[float]
    apis: list[str]

    def pairs(self) -> Pairs:
        """Summed up for each API."""
        return pairs(self.before, self.after, self.apis)

    def lost(self) -> dict[str, list[run_directory.Key]]:
        """The answers that got worse, by API, those first that lost most."""
        found: dict[str, list[run_directory.Key]] = {}
        for key, old, new, api in zip(self.keys, self.before, self.after, self.apis, strict=True):
            if new < old:
                found.setdefault(api, []).append(key)
        return dict(sorted(found.items(), key=lambda pair: (-len(pair[1]), pair[0])))


def pair(baseline: Outcomes, run: Outcomes, asked: Asked, apis: Mapping[str, str]) -> Paired:
    """An answer without the number in either run, since the sandbox failed, is left out; `check` bounds how many."""
    name, top, lower = asked.name, TOP.get(asked.name, 1.0), asked.name in LOWER_IS_BETTER
    keys = [
        key
        for key in run.rows
        if name in run.rows[key] and name in baseline.rows[key] and (asked.items is None or key[0] in asked.items)
    ]
    if not keys:
        of = f" of {asked.part}" if asked.part else ""
        raise RunError(f"{run.path}: no answer{of} has {name} in both runs")
    if unknown := [item for item, _ in keys if item not in apis]:
        raise RunError(f"{run.path}: item {unknown[0]!r} is not in the benchmark")
    shares = [[one.rows[key][name] / top for key in keys] for one in (baseline, run)]
    before, after = ([1 - share if lower else share for share in side] for side in shares)
    return Paired(keys, before, after, [apis[item] for item, _ in keys])


def finding(
    asked: Asked,
    paired: Paired,
    interval: tuple[float, float],
    p: tuple[float, float],
    decision: Decision,
    strictest: float,
) -> Finding:
    """What was decided, with scores told as the metric has them, whichever way is better.

    Args:
        asked: the metric.
        paired: both runs' scores.
        interval: of the difference of ``paired``.
        p: one-sided, and adjusted.
        decision: on the metric.
        strictest: the level at which a drop would have to show.
    """
    found = paired.pairs()
    top = TOP.get(asked.name, 1.0)
    lower = asked.name in LOWER_IS_BETTER
    sign = -top if lower else top
    means = [math.fsum(side) / len(side) for side in (paired.before, paired.after)]
    before, after = ((1 - mean if lower else mean) * top for mean in means)
    low, high = sorted(end * sign + 0.0 for end in interval)
    detectable = minimum_detectable(found, strictest)
    return Finding(
        name=asked.name,
        part=asked.part,
        margin=asked.margin,
        before=before,
        after=after,
        difference=(means[1] - means[0]) * sign + 0.0,  # no minus before a zero
        low=low,
        high=high,
        n=len(paired.keys),
        apis=len(found.counts),
        p=p[0],
        p_adjusted=p[1],
        mcnemar=mcnemar(*found.discordant) if found.discordant else None,
        minimum_detectable=detectable * top if detectable is not None else None,
        needed=max(len(paired.keys), answers_needed(found, asked.share, strictest)),
        decision=decision,
        lost=paired.lost(),
    )
