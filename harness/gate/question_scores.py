"""What the gate judges of a question's several answers: METRIC.pass@K and METRIC.consistency, one number a question."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping

from apigauge.errors import RunError, UsageError
from apigauge.harness.evaluation.run_directory import Key
from apigauge.harness.evaluation.samples import consistency, pass_at_k
from apigauge.harness.gate.outcomes import Outcomes
from apigauge.harness.metrics.table import LOWER_IS_BETTER, NAMES

_FORM = re.compile(r"(?P<metric>.+)\.(?:pass@(?P<k>[1-9][0-9]{0,5})|consistency)")


def metric_of(name: str) -> str:
    """The metric whose scores are read: ``ast.exact`` of ``ast.exact.pass@5``, and of itself.

    Raises:
        UsageError: pass@K of a metric of which small values are good.
    """
    form = _FORM.fullmatch(name)
    if form is None or form["metric"] not in NAMES:
        return name
    if form["k"] and form["metric"] in LOWER_IS_BETTER:
        raise UsageError(f"metric {name}: small values of {form['metric']} are good, so pass@K of it has no meaning")
    return form["metric"]


def is_of_questions(name: str) -> bool:
    """Whether there is one number a question and not one an answer."""
    return metric_of(name) != name


def by_question(outcomes: Outcomes, name: str, keys: Iterable[Key], otherwise: float) -> dict[str, float]:
    """The value of each question.

    Args:
        outcomes: of one run.
        name: METRIC.pass@K or METRIC.consistency.
        keys: the answers, all of the questions to be judged.
        otherwise: the value of a question with an answer that has no number.

    Returns:
        By item, a number from 0 to 1.

    Raises:
        RunError: a question has too few answers, or a score is neither 0 nor 1.
    """
    metric, least, value = metric_of(name), *_estimator(name)
    scores: Mapping[str, list[float | None]] = defaultdict(list)
    for item, sample in keys:
        scores[item].append(outcomes.rows[item, sample].get(metric))
    values: dict[str, float] = {}
    for item, row in scores.items():
        numbers = [score for score in row if score is not None]
        if any(score not in (0, 1) for score in numbers):
            raise RunError(f"{outcomes.path}: {metric} is not 0 or 1 everywhere, so {name} is not defined")
        if len(row) < least:
            raise RunError(
                f"{outcomes.path}: {name} takes {least} answers to each question, and item {item!r} has {len(row)}; "
                f"`apigauge run --samples {least}` asks for so many"
            )
        values[item] = value(len(row), int(sum(numbers))) if len(numbers) == len(row) else otherwise
    return values


def _estimator(name: str) -> tuple[int, Callable[[int, int], float]]:
    """How many answers a question must have, and its value from how many it has and how many are right."""
    form = _FORM.fullmatch(name)
    if form is None or not form["k"]:
        return 2, consistency
    k = int(form["k"])
    return k, lambda answers, right: pass_at_k(answers, right, k)
