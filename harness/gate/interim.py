"""The gate with a budget: questions are asked in steps, and each interim look says whether the decision is clear."""

import hashlib
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from apigauge.benchmarks.types import Item
from apigauge.errors import RunError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.gate import sequential
from apigauge.harness.gate.criterion import Criterion
from apigauge.harness.gate.judge import Decision, Finding, check_comparable, finding, worst
from apigauge.harness.gate.outcomes import Outcomes
from apigauge.harness.gate.paired_scores import PairedScores, pair_answers, pair_scores
from apigauge.harness.statistics.significance import ALPHA, holm

# The file of a run's folder that says in which turn its questions are asked, and how many turns there are.
_TURN, _TURNS = "order.json", 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """The questions that may be asked, and the looks at their answers.

    Attributes:
        items: all questions that may be asked, in the order in which they are asked.
        ends: number of questions asked by each look; by the last look, all of them.
    """

    items: Sequence[Item]
    ends: Sequence[int]

    @property
    def times(self) -> list[float]:
        """Share of the questions asked by each look."""
        return [end / len(self.items) for end in self.ends]


@dataclass(frozen=True, slots=True)
class Interim:
    """The result of a look.

    Attributes:
        findings: one for each metric. Interval and p-value are valid at every look.
        decision: the decision if sampling stops here.
        is_over: whether sampling stops here.
        questions: number of questions asked so far.
        budget: number of questions that may be asked.
        is_cut: whether no further question could be afforded.
    """

    findings: list[Finding]
    decision: Decision
    is_over: bool
    questions: int
    budget: int
    is_cut: bool = False


def plan(items: Sequence[Item], baseline: Outcomes, budget: int, turn: int = 0) -> Plan:
    """The first ``budget`` questions of those that the baseline answered, in the order of the baseline and the turn.

    Args:
        items: of the benchmark.
        baseline: its manifest's digest, which a baseline file keeps, is the seed of the order.
        budget: how many questions may be asked.
        turn: the gate's number, as of :func:`turn_of`.

    Raises:
        RunError: the baseline answered none of them.
    """
    answered = {item for item, _ in baseline.rows}
    seed = int(hashlib.sha256(baseline.manifest_sha256.encode()).hexdigest()[:8], 16)
    chosen = [item for item in sequential.order(items, seed, turn) if item.id in answered][:budget]
    if not chosen:
        raise RunError(f"{baseline.path}: it has no answer to any question of {baseline.benchmark}")
    return Plan(chosen, sequential.looks(len(chosen)))


def turn_of(run: Path) -> int:
    """The turn of a gate's run, drawn at random the first time, and from then on read from its folder.

    Raises:
        RunError: the file there is damaged.
    """
    path = run / _TURN
    if path.is_file():
        turn = run_directory.read_json(path).get("turn")
        if not isinstance(turn, int) or turn < 0:
            raise RunError(f"{path}: turn is missing or damaged; delete the file, and the gate draws another one")
        return turn
    turn = secrets.randbelow(_TURNS)
    run.mkdir(parents=True, exist_ok=True)
    run_directory.write_json(path, {"turn": turn})
    return turn


def watch(
    baseline: Outcomes,
    answer: Callable[[Sequence[Item]], Outcomes | None],
    criteria: Sequence[Criterion],
    planned: Plan,
) -> Interim:
    """Has questions answered step by step until the decision is clear or all of them are answered.

    Args:
        baseline: outcomes of the baseline.
        answer: answers and scores those of these questions that are not answered yet; returns all outcomes so far, or
            None if it may not answer all of these, because of what that costs.
        criteria: at least one metric.
        planned: the questions and the looks.

    Returns:
        The look at which the decision was clear, or the last one that could be afforded.

    Raises:
        RunError: the two cannot be compared, or not even the first look could be afforded.
    """
    look: Interim | None = None
    for number, end in enumerate(planned.ends, 1):
        outcomes = answer(planned.items[:end])
        if outcomes is None:
            break
        look = interim(baseline, outcomes, criteria, planned, number)
        if look.is_over:
            return look
    if look is None:
        raise RunError(
            f"--max-tokens or --max-cost is reached before the first {planned.ends[0]} questions are answered; with a "
            "higher limit the same command goes on"
        )
    return replace(look, is_over=True, is_cut=True)


def interim(
    baseline: Outcomes,
    run: Outcomes,
    criteria: Sequence[Criterion],
    planned: Plan,
    number: int,
    alpha: float = ALPHA,
) -> Interim:
    """Judges the answers at the look of this number, counted from 1.

    Raises:
        RunError: the two cannot be compared, or an answer is missing.
        UsageError: a metric that does not exist.
    """
    end = planned.ends[number - 1]
    place = {item.id: position for position, item in enumerate(planned.items[:end])}
    baseline, run = (_only(place, one) for one in (baseline, run))
    check_comparable(baseline, run, [one.name for one in criteria])
    answers = pair_answers(baseline, run, criteria[0], {item.id: item.api for item in planned.items})
    paired = [_in_order(pair_scores(baseline, run, one, answers), place) for one in criteria]
    level = alpha / len(criteria)
    looks = [_look(one, scores, place, planned, number, level) for one, scores in zip(criteria, paired, strict=True)]
    adjusted = holm([look.p for look in looks])
    findings = []
    for one, scores, look, p in zip(criteria, paired, looks, adjusted, strict=True):
        decision: Decision = "regression" if p <= alpha else "pass" if look.is_ruled_out else "inconclusive"
        so_far = sequential.spent(level, planned.times[number - 1])
        findings.append(finding(one, scores, (look.low, look.high), (look.p, p), decision, so_far))
    decision = worst(findings)
    is_over = decision == "regression" or all(look.is_settled for look in looks)
    return Interim(findings, decision, is_over, end, len(planned.items))


def _only(place: Mapping[str, int], outcomes: Outcomes) -> Outcomes:
    return replace(outcomes, rows={key: row for key, row in outcomes.rows.items() if key[0] in place})


def _in_order(paired: PairedScores, place: Mapping[str, int]) -> PairedScores:
    """The same scores in the order in which the questions are asked; answers arrive in any order."""
    order = sorted(range(len(paired.keys)), key=lambda at: (place[paired.keys[at][0]], paired.keys[at][1]))
    return PairedScores(
        [paired.keys[at] for at in order],
        paired.before[order],
        paired.after[order],
        [paired.apis[at] for at in order],
    )


def _look(
    criterion: Criterion, paired: PairedScores, place: Mapping[str, int], planned: Plan, number: int, alpha: float
) -> sequential.Look:
    ends = [sum(place[item] < end for item, _ in paired.keys) for end in planned.ends[:number]]
    return sequential.look(paired.before, paired.after, paired.apis, ends, planned.times, criterion.share, alpha)
