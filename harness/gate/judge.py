"""The gate's decision: worse, not worse, or not enough answers to tell.

A metric is a **regression** if its drop is significant: sign-flip test clustered by API (significance.py), Holm's
correction over the metrics judged, alpha 0.05. Otherwise it is a **pass** if the whole 95 % interval of the difference
lies above minus the margin (non-inferiority, ICH E9, 1998, section 3.3.2). Otherwise it is **inconclusive**. So answers
about too few APIs do not pass, even where none of them changed, and noise alone rarely fails.
"""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from apigauge.errors import RunError, UsageError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.gate.criterion import Criterion
from apigauge.harness.gate.outcomes import Outcomes, columns
from apigauge.harness.gate.paired_scores import PairedAnswers, PairedScores, pair_answers, pair_scores
from apigauge.harness.gate.question_scores import is_of_questions, metric_of
from apigauge.harness.metrics.executability import is_withheld
from apigauge.harness.metrics.table import LOWER_IS_BETTER, NAMES, TOP, is_executed
from apigauge.harness.statistics.intervals import paired_difference
from apigauge.harness.statistics.power import answers_needed, answers_to_pass, minimum_detectable
from apigauge.harness.statistics.significance import ALPHA, holm, mcnemar, worse

Decision = Literal["pass", "inconclusive", "regression"]
_WORST: tuple[Decision, ...] = ("regression", "inconclusive", "pass")


@dataclass(frozen=True, slots=True)
class Finding:
    """The decision on one metric, and the numbers behind it.

    Attributes:
        name: of the metric.
        slice: of the benchmark; empty for all of it.
        margin: of the criterion.
        before: the baseline's mean.
        after: the run's mean.
        difference: after minus before.
        low: of its 95 % interval.
        high: of its 95 % interval.
        n: answers compared, or questions.
        apis: number of APIs, which are the clusters.
        effective_apis: how many APIs with equally many answers would say as much.
        p: one-sided p-value of the sign-flip test; the null hypothesis is that the run is no worse.
        p_adjusted: by Holm over all criteria.
        mcnemar: p-value of McNemar's exact test, which treats answers about one API as independent; None where scores
            are not all 0 or 1.
        minimum_detectable: the smallest drop that is detected at 80 % power where answers are lost one by one; None if
            no drop is.
        minimum_detectable_apis: the same where all answers about an API are lost together.
        needed: about how many answers detect a drop of the margin at 80 % power.
        needed_to_pass: about how many answers, about proportionally more APIs, rule out a drop of the margin at 80 %
            power; None if it would take over a thousand times as many.
        decision: on this metric.
        lost: answers that got worse, by API, the API with most of them first.
    """

    name: str
    slice: str
    margin: float
    before: float
    after: float
    difference: float
    low: float
    high: float
    n: int
    apis: int
    effective_apis: float
    p: float
    p_adjusted: float
    mcnemar: float | None
    minimum_detectable: float | None
    minimum_detectable_apis: float | None
    needed: int
    needed_to_pass: int | None
    decision: Decision
    lost: dict[str, list[run_directory.Key]]

    @property
    def title(self) -> str:
        """The metric, and the slice of the benchmark."""
        return f"{self.name} of {self.slice}" if self.slice else self.name

    @property
    def unit(self) -> str:
        """What is compared, in the plural."""
        return "questions" if is_of_questions(self.name) else "answers"

    def to_json(self) -> dict[str, Any]:
        """As ``apigauge gate --json`` prints it; there a slice is called ``part``."""
        entry = {"part" if name == "slice" else name: value for name, value in asdict(self).items()}
        return entry | {"lost": {api: [list(key) for key in keys] for api, keys in self.lost.items()}}


def worst(findings: Sequence[Finding]) -> Decision:
    """One decision for all findings: the worst one. An inconclusive slice does not count."""
    counted = [one.decision for one in findings if not (one.slice and one.decision == "inconclusive")]
    return next(decision for decision in _WORST if decision in counted)


def judge(
    baseline: Outcomes, run: Outcomes, criteria: Sequence[Criterion], apis: Mapping[str, str], alpha: float = ALPHA
) -> list[Finding]:
    """Judges a run against its baseline.

    Args:
        baseline: outcomes of the baseline.
        run: outcomes of the new run.
        criteria: at least one metric.
        apis: the key of each item's API.
        alpha: family-wise error rate: the probability of any false alarm, over all metrics together.

    Raises:
        RunError: the two cannot be compared; says why.
        UsageError: a metric that does not exist.
    """
    check_comparable(baseline, run, [one.name for one in criteria])
    answers: dict[str, PairedAnswers] = {}
    for one in criteria:
        if one.slice not in answers:
            answers[one.slice] = pair_answers(baseline, run, one, apis)
    paired = [pair_scores(baseline, run, one, answers[one.slice]) for one in criteria]
    p_values = [worse(one.pairs()) for one in paired]
    strictest = alpha / len(criteria)
    findings = []
    for one, scores, p, adjusted in zip(criteria, paired, p_values, holm(p_values), strict=True):
        interval = paired_difference(scores.before.tolist(), scores.after.tolist(), scores.apis)
        decision: Decision = "inconclusive"
        if adjusted <= alpha:
            decision = "regression"
        elif interval.low > -one.share:
            decision = "pass"
        findings.append(finding(one, scores, (interval.low, interval.high), (p, adjusted), decision, strictest))
    return findings


def check_comparable(baseline: Outcomes, run: Outcomes, names: Sequence[str]) -> None:
    """Refuses two runs that cannot be compared.

    Raises:
        RunError: benchmark, data, prompts, scorers or answered items differ or are unknown, or the sandbox or a metric
            failed too often.
        UsageError: a metric that does not exist.
    """
    names = list(dict.fromkeys(map(metric_of, names)))
    for name in names:
        if name not in NAMES:
            raise UsageError(
                f"--metric {name}: there is no such metric; the metrics are: {', '.join(NAMES)}, and with several "
                "answers to a question METRIC.pass@K and METRIC.consistency"
            )
    for what, old, new in (
        ("benchmark", baseline.benchmark, run.benchmark),
        ("digest of the data", baseline.digest, run.digest),
        ("digest of the prompts", baseline.prompts, run.prompts),
        *((f"scorer of {name}", baseline.scorers.get(name), run.scorers.get(name)) for name in names),
    ):
        if not old or not new:
            missing, has = (baseline, run) if not old else (run, baseline)
            raise RunError(_lacking(missing, has, what))
        if old != new:
            before, after = (_only_here(*pair) for pair in ((old, new), (new, old)))
            raise RunError(
                f"the {what} differs: {before!r} in {baseline.path}, {after!r} in {run.path}. "
                + (_about_scorers(baseline, run, old, new) if what.startswith("scorer") else "They cannot be compared.")
            )
    _check_versions(baseline, run)
    _check_loaders(baseline, run)
    sides = (baseline, run), (run, baseline)
    for one, other in sides:
        if one.withheld and any(is_executed(name) for name in names):
            rate = f"{one.infra_error_rate:.1%}"
            raise RunError(f"{one.path}: sandbox failures kept {rate} of its programs from running; run it again")
        if missing_keys := other.rows.keys() - one.rows.keys():
            item, sample = min(missing_keys)
            raise RunError(
                f"{one.path}: it lacks {len(missing_keys)} answers, such as sample {sample} of item {item!r}"
            )
        _check_measured(one, names)


def _only_here(version: str, other: str) -> str:
    """The parts of a version, which is a list of names with numbers or digests, that another one does not have."""
    parts = [part for part in re.split(r"[,;] ", version) if part not in re.split(r"[,;] ", other)]
    return ", ".join(parts) or version


def _lacking(missing: Outcomes, has: Outcomes, what: str) -> str:
    """Why an outcome that lacks something cannot be compared."""
    name = what.removeprefix("scorer of ")
    if name == what:
        return f"{missing.path}: it has no {what}"
    measured = "exec.* needs a sandbox. " if is_executed(name) else ""
    others = f"which {has.path} has" if has.scorers.get(name) else f"and neither has {has.path}"
    return (
        f"{missing.path}: it has no {name}, {others}. {measured}Measure it, or name with --metric what is to be judged"
    )


def _about_scorers(baseline: Outcomes, run: Outcomes, old: str, new: str) -> str:
    """What to do about two scorers that differ, and what one of them does not say."""
    environments = baseline.environment, run.environment
    if all(environments) and len(set(environments)) > 1 and "sandbox " in old:
        return (
            f"The programs ran in different environments: {' and '.join(environments)}. A gate compares runs in one; "
            "`apigauge compare` of the folder that holds both shows what broke where."
        )
    unknown = [
        f"{one.path} does not say {meaning}, since an older version of apigauge made it"
        for one, scorer, other in ((baseline, old, new), (run, new, old))
        for sign, meaning in (("Python ", "which Python scored it"), ("execution ", "which code ran the programs"))
        if sign in other and sign not in scorer
    ]
    return "; ".join([*unknown, "`apigauge rerun RUN` scores a run again."])


def _check_versions(baseline: Outcomes, run: Outcomes) -> None:
    """Refuses two runs of a benchmark whose makers say that their scores are not comparable.

    Raises:
        RunError: the letters of the benchmark's versions differ.
    """
    letters = [one.version.rpartition("-")[2] for one in (baseline, run) if one.version]
    if len(set(letters)) > 1:
        raise RunError(
            f"the benchmark's version is {baseline.version} in {baseline.path} and {run.version} in {run.path}, and "
            "scores of different letters are not comparable; make the older run again"
        )


def _check_loaders(baseline: Outcomes, run: Outcomes) -> None:
    """Refuses two runs whose questions may have been read by different code.

    Raises:
        RunError: the code differs, or only one of the two says which it was.
    """
    if baseline.loader == run.loader:
        return
    if silent := next((one for one in (baseline, run) if not one.loader), None):
        raise RunError(
            f"{silent.path}: it does not say which code read the benchmark's questions and references, since an older "
            "version of apigauge made it; whether they are those of the other run is not known. `apigauge rerun RUN` "
            "scores a run again, and --save-baseline saves it."
        )
    raise RunError(
        f"the code that read the benchmark differs: {baseline.loader!r} in {baseline.path}, {run.loader!r} in "
        f"{run.path}. `apigauge rerun RUN` scores a run again."
    )


def _check_measured(outcomes: Outcomes, names: Sequence[str]) -> None:
    """Refuses a run with a metric that has no number for more answers than may fail when one is published.

    Raises:
        RunError: a metric has no number for so many answers.
    """
    for name in names:
        missing = without_number(outcomes, name)
        if is_withheld(missing, len(outcomes.rows)):
            raise RunError(
                f"{outcomes.path}: {missing} of {len(outcomes.rows)} answers have no {name}, because the "
                f"{'sandbox' if is_executed(name) else 'metric'} failed; `apigauge rerun RUN` scores a run again."
            )


def without_number(outcomes: Outcomes, name: str) -> int:
    """How many answers have no number of a metric."""
    _, has = columns(outcomes).column(name)
    return len(has) - int(has.sum())


def finding(
    criterion: Criterion,
    paired: PairedScores,
    interval: tuple[float, float],
    p: tuple[float, float],
    decision: Decision,
    strictest: float,
) -> Finding:
    """A decision with its numbers, in the metric's own unit and direction.

    Args:
        criterion: the metric.
        paired: both runs' scores.
        interval: of the difference of ``paired``.
        p: one-sided p-value, and the same adjusted by Holm.
        decision: on the metric.
        strictest: the significance level of Holm's first step.
    """
    pairs_by_api = paired.pairs()
    top = TOP.get(criterion.name, 1.0)
    lower = criterion.name in LOWER_IS_BETTER
    sign = -top if lower else top
    means = [math.fsum(side) / len(side) for side in (paired.before, paired.after)]
    before, after = ((1 - mean if lower else mean) * top for mean in means)
    low, high = sorted(end * sign + 0.0 for end in interval)
    answers, whole = (
        minimum_detectable(pairs_by_api, strictest),
        minimum_detectable(pairs_by_api, strictest, loss="apis"),
    )
    return Finding(
        name=criterion.name,
        slice=criterion.slice,
        margin=criterion.margin,
        before=before,
        after=after,
        difference=(means[1] - means[0]) * sign + 0.0,  # no minus before a zero
        low=low,
        high=high,
        n=len(paired.keys),
        apis=len(pairs_by_api.counts),
        effective_apis=round(pairs_by_api.effective_apis, 2),
        p=p[0],
        p_adjusted=p[1],
        mcnemar=mcnemar(*pairs_by_api.discordant) if pairs_by_api.discordant else None,
        minimum_detectable=answers * top if answers is not None else None,
        minimum_detectable_apis=whole * top if whole is not None else None,
        needed=max(len(paired.keys), answers_needed(pairs_by_api, criterion.share, strictest)),
        needed_to_pass=answers_to_pass(pairs_by_api, criterion.share),
        decision=decision,
        lost=paired.lost(),
    )
