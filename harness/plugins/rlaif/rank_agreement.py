"""How well a labeler's replies agree with known labels: AUC and Cohen's kappa, with intervals over APIs.

AUC is the probability that an answer which deserves a yes is given more confidence than one which does not, ties
counting half (Hanley and McNeil, "The Meaning and Use of the Area under a ROC Curve", 1982): Mann and Whitney's U,
divided by the number of pairs. For a labeler that only says yes or no it is the mean of the two rates of right replies.
Kappa: see ``agreement.py``. The intervals are percentiles of 1,000 draws of APIs with replacement, so that all answers
about an API are drawn together (Field and Welsh, "Bootstrapping clustered data", 2007).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from apigauge.harness.plugins.rlaif.agreement import kappa

DRAWS, SEED = 1000, 0
_ENDS = (2.5, 97.5)


@dataclass(frozen=True, slots=True)
class Judged:
    """One reply, and what it should be.

    Attributes:
        truth: what is right.
        reply: what the labeler says.
        confidence: how sure it is of a yes; 0 or 1 for one that does not say.
        api: key of the reference API.
    """

    truth: bool
    reply: bool
    confidence: float
    api: str


def measured(rows: Sequence[Judged]) -> dict[str, Any]:
    """``n``, ``yes`` (how many deserve one), ``apis``, and ``auc`` and ``kappa`` as value, low and high.

    Both are None where they have no value: for AUC, where all labels are the same.
    """
    table = [[sum(row.truth is a and row.reply is b for row in rows) for b in (True, False)] for a in (True, False)]
    yes, agreed = sum(row.truth for row in rows), kappa(table)
    measures: dict[str, Any] = {"n": len(rows), "yes": yes, "apis": len({row.api for row in rows})}
    measures["auc"] = _interval(auc(rows), rows, _drawn_auc) if 0 < yes < len(rows) else None
    measures["kappa"] = None if agreed is None else _interval(agreed, rows, _drawn_kappa)
    return measures


def auc(rows: Sequence[Judged]) -> float:
    """The area under the curve; both labels must occur."""
    from scipy.stats import mannwhitneyu

    right, wrong = ([row.confidence for row in rows if row.truth is truth] for truth in (True, False))
    return float(mannwhitneyu(right, wrong, method="asymptotic").statistic / (len(right) * len(wrong)))


def _interval(value: float, rows: Sequence[Judged], draw: Any) -> dict[str, float]:
    import numpy as np

    apis = sorted({row.api for row in rows})
    weights = np.random.default_rng(SEED).multinomial(len(apis), np.full(len(apis), 1 / len(apis)), DRAWS)
    drawn = draw(rows, [apis.index(row.api) for row in rows], weights.astype(float))
    low, high = np.nanpercentile(drawn, _ENDS)
    return {"value": value, "low": float(low), "high": float(high)}


def _drawn_auc(rows: Sequence[Judged], places: Sequence[int], weights: Any) -> Any:
    """AUC under each row of weights (draws, APIs); NaN where a draw has one label only."""
    import numpy as np

    truth, confidence = np.array([row.truth for row in rows]), np.array([row.confidence for row in rows])
    of_api = np.eye(weights.shape[1])[list(places)]
    wins = np.sign(confidence[truth][:, None] - confidence[~truth][None, :]) / 2 + 0.5
    by_api = of_api[truth].T @ wins @ of_api[~truth]
    pairs = (weights @ of_api[truth].sum(0)) * (weights @ of_api[~truth].sum(0))
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.einsum("da,ab,db->d", weights, by_api, weights) / np.where(pairs, pairs, np.nan)


def _drawn_kappa(rows: Sequence[Judged], places: Sequence[int], weights: Any) -> Any:
    """Kappa under each row of weights; NaN where a draw has no value for it."""
    import numpy as np

    cells = np.zeros((weights.shape[1], 2, 2))
    for row, place in zip(rows, places, strict=True):
        cells[place, int(row.truth), int(row.reply)] += 1
    tables = np.einsum("da,aij->dij", weights, cells)
    total = tables.sum((1, 2))
    same = (tables[:, 0, 0] + tables[:, 1, 1]) / total
    chance = (tables.sum(1) * tables.sum(2)).sum(1) / total**2
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(chance < 1, (same - chance) / (1 - chance), np.nan)
