"""The gate while answers are still being made: how many to make next, and whether they decide it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from apigauge.benchmarks.types import Item
from apigauge.errors import RunError
from apigauge.harness.gate import sequential
from apigauge.harness.gate.judge import Asked, Decision, Finding, Paired, check, finding, pair, worst
from apigauge.harness.gate.outcomes import Outcomes
from apigauge.harness.statistics.significance import ALPHA, holm


@dataclass(frozen=True, slots=True)
class Plan:
    """Which questions are asked, and after how many of them the answers are looked at.

    Attributes:
        items: all that may be asked, in the order in which they are.
        ends: how many have been asked at each look; the last is all.
    """

    items: Sequence[Item]
    ends: Sequence[int]

    @property
    def times(self) -> list[float]:
        """Which share of the questions has been asked at each look."""
        return [end / len(self.items) for end in self.ends]


@dataclass(frozen=True, slots=True)
class Interim:
    """What a look found.

    Attributes:
        findings: of each metric. Interval and p-value hold at whatever look one stops.
        decision: if asking stops here.
        is_over: whether it does.
        asked: questions asked so far.
        budget: questions that may be asked.
    """

    findings: list[Finding]
    decision: Decision
    is_over: bool
    asked: int
    budget: int


def plan(items: Sequence[Item], baseline: Outcomes, budget: int) -> Plan:
    """The first ``budget`` questions, of those that the baseline answered, in their fixed order.

    Raises:
        RunError: the baseline answered none of them.
    """
    answered = {item for item, _ in baseline.rows}
    chosen = [item for item in sequential.order(items) if item.id in answered][:budget]
    if not chosen:
        raise RunError(f"{baseline.path}: it has no answer to any question of {baseline.benchmark}")
    return Plan(chosen, sequential.looks(len(chosen)))


def watch(
    baseline: Outcomes, answer: Callable[[Sequence[Item]], Outcomes], asked: Sequence[Asked], planned: Plan
) -> Interim:
    """Has questions answered, a part at a time, until the decision is clear or all are.

    Args:
        baseline: what was.
        answer: has these questions answered and scored, as far as they are not; gives all outcomes so far.
        asked: at least one metric.
        planned: which questions, and when to look.

    Raises:
        RunError: the two cannot be compared.
    """
    for at, end in enumerate(planned.ends, 1):
        found = interim(baseline, answer(planned.items[:end]), asked, planned, at)
        if found.is_over:
            return found
    raise AssertionError("the last look is always over")


def interim(
    baseline: Outcomes, run: Outcomes, asked: Sequence[Asked], planned: Plan, at: int, alpha: float = ALPHA
) -> Interim:
    """Judges what has been answered at the look of this number, counted from 1.

    Raises:
        RunError: the two cannot be compared, or an answer is missing.
        UsageError: a metric that there is not.
    """
    end = planned.ends[at - 1]
    place = {item.id: position for position, item in enumerate(planned.items[:end])}
    baseline, run = (_only(place, one) for one in (baseline, run))
    check(baseline, run, [one.name for one in asked])
    apis = {item.id: item.api for item in planned.items}
    paired = [_in_order(pair(baseline, run, one, apis), place) for one in asked]
    level = alpha / len(asked)
    looks = [_look(one, scores, place, planned, at, level) for one, scores in zip(asked, paired, strict=True)]
    adjusted = holm([look.p for look in looks])
    findings = []
    for one, scores, look, p in zip(asked, paired, looks, adjusted, strict=True):
        decision: Decision = "regression" if p <= alpha else "pass" if look.is_ruled_out else "inconclusive"
        so_far = sequential.spent(level, planned.times[at - 1])
        findings.append(finding(one, scores, (look.low, look.high), (look.p, p), decision, so_far))
    decision = worst(findings)
    is_over = decision == "regression" or all(look.is_settled for look in looks)
    return Interim(findings, decision, is_over, end, len(planned.items))


def _only(place: Mapping[str, int], outcomes: Outcomes) -> Outcomes:
    return replace(outcomes, rows={key: row for key, row in outcomes.rows.items() if key[0] in place})


def _in_order(paired: Paired, place: Mapping[str, int]) -> Paired:
    """Answers in the order in which their questions are asked; they are made in any."""
    order = sorted(range(len(paired.keys)), key=lambda at: (place[paired.keys[at][0]], paired.keys[at][1]))
    return Paired(
        [paired.keys[at] for at in order],
        [paired.before[at] for at in order],
        [paired.after[at] for at in order],
        [paired.apis[at] for at in order],
    )


def _look(
    asked: Asked, paired: Paired, place: Mapping[str, int], planned: Plan, at: int, alpha: float
) -> sequential.Look:
    ends = [sum(place[item] < end for item, _ in paired.keys) for end in planned.ends[:at]]
    return sequential.look(paired.before, paired.after, paired.apis, ends, planned.times, asked.share, alpha)
