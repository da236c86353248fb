"""Two runs' scores of the same answers, side by side, as the gate judges them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from apigauge.errors import RunError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.gate.criterion import Criterion
from apigauge.harness.gate.outcomes import Outcomes, columns
from apigauge.harness.gate.question_scores import by_question, is_of_questions
from apigauge.harness.metrics.table import LOWER_IS_BETTER, TOP
from apigauge.harness.statistics.significance import Pairs, pairs

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class PairedAnswers:
    """The answers that a criterion is judged on: keys, APIs, and their places in the baseline and in the run."""

    keys: Sequence[run_directory.Key]
    apis: Sequence[str]
    places: "tuple[Array, Array]"


def pair_answers(baseline: Outcomes, run: Outcomes, criterion: Criterion, apis: Mapping[str, str]) -> PairedAnswers:
    """The answers of a criterion, the same for all criteria on its slice.

    Raises:
        RunError: there are none, or one is to no item of the benchmark.
    """
    keys = [key for key in run.rows if criterion.items is None or key[0] in criterion.items]
    if not keys:
        of = f" of {criterion.slice}" if criterion.slice else ""
        raise RunError(f"{run.path}: it has no answer{of}")
    if unknown := [item for item, _ in keys if item not in apis]:
        raise RunError(f"{run.path}: item {unknown[0]!r} is not in the benchmark")
    places = columns(baseline).places(keys), columns(run).places(keys)
    return PairedAnswers(keys, [apis[item] for item, _ in keys], places)


@dataclass(frozen=True, slots=True)
class PairedScores:
    """Both runs' scores of the same answers, from 0 to 1 where higher is better, and the API of each answer's item.

    Of METRIC.pass@K and METRIC.consistency, those of the same questions, each as its sample 0.
    """

    keys: Sequence[run_directory.Key]
    before: "Array"
    after: "Array"
    apis: Sequence[str]

    def pairs(self) -> Pairs:
        """Summed up for each API."""
        return pairs(self.before, self.after, self.apis)

    def lost(self) -> dict[str, list[run_directory.Key]]:
        """The answers that got worse, by API, the API with most of them first."""
        keys_by_api: dict[str, list[run_directory.Key]] = {}
        for at in (self.after < self.before).nonzero()[0].tolist():
            keys_by_api.setdefault(self.apis[at], []).append(self.keys[at])
        return dict(sorted(keys_by_api.items(), key=lambda pair: (-len(pair[1]), pair[0])))


def pair_scores(baseline: Outcomes, run: Outcomes, criterion: Criterion, answers: PairedAnswers) -> PairedScores:
    """Both runs' scores for a criterion.

    An answer without a number, because the sandbox or the metric failed, is the worst in the new run and the best in
    the baseline, so that nothing passes by it; :func:`check_comparable` bounds how many there may be.

    Args:
        baseline: outcomes of the baseline.
        run: outcomes of the new run.
        criterion: what is judged.
        answers: of the criterion, as of :func:`pair_answers`.
    """
    import numpy as np

    sides = (baseline, 1.0), (run, 0.0)
    if is_of_questions(criterion.name):
        first, second = [by_question(one, criterion.name, answers.keys, otherwise) for one, otherwise in sides]
        apis = {item: api for (item, _), api in zip(answers.keys, answers.apis, strict=True)}
        scores = [np.array([values[item] for item in first]) for values in (first, second)]
        return PairedScores([(item, 0) for item in first], scores[0], scores[1], [apis[item] for item in first])
    before, after = (
        _shares(one, criterion.name, places, otherwise)
        for (one, otherwise), places in zip(sides, answers.places, strict=True)
    )
    return PairedScores(answers.keys, before, after, answers.apis)


def _shares(outcomes: Outcomes, name: str, places: "Array", otherwise: float) -> "Array":
    """Scores from 0 to 1 where higher is better; ``otherwise`` where there is none."""
    import numpy as np

    values, has = columns(outcomes).column(name)
    shares = values[places] / TOP.get(name, 1.0)
    return np.where(has[places], 1 - shares if name in LOWER_IS_BETTER else shares, otherwise)
