"""Logistic regression with a small ridge penalty, so that it has a solution where the labels can be told apart exactly.

Cox, "The Regression Analysis of Binary Sequences" (1958), as statsmodels fits it.
"""

from collections.abc import Sequence
from typing import NamedTuple

# Of the penalty, relative to the mean log-likelihood.
RIDGE = 1e-3


class Weights(NamedTuple):
    """The fitted model: the log-odds are ``offset`` plus the sum of ``slopes`` times the features."""

    slopes: tuple[float, ...]
    offset: float

    def log_odds(self, features: Sequence[float]) -> float:
        """Of one row."""
        return self.offset + sum(slope * value for slope, value in zip(self.slopes, features, strict=True))


def fit(rows: Sequence[Sequence[float]], labels: Sequence[bool]) -> Weights:
    """Fits it; the penalty is on features scaled to variance 1, and the two labels have equal weight.

    Args:
        rows: features, one row for each label.
        labels: of both kinds.
    """
    import numpy as np
    from statsmodels.genmod.families import Binomial
    from statsmodels.genmod.generalized_linear_model import GLM

    x, y = np.asarray(rows, float), np.asarray(labels, bool)
    mean, scale = x.mean(axis=0), x.std(axis=0)
    scale[scale == 0] = 1.0
    scaled = np.column_stack([(x - mean) / scale, np.ones(len(x))])
    weights = np.where(y, len(y) / 2 / y.sum(), len(y) / 2 / (~y).sum())
    model = GLM(y.astype(float), scaled, family=Binomial(), freq_weights=weights)
    penalty = np.append(np.full(x.shape[1], RIDGE), 0.0)
    beta = model.fit_regularized(alpha=penalty, L1_wt=0.0, maxiter=200, cnvrg_tol=1e-8).params
    slopes = beta[:-1] / scale
    return Weights(tuple(map(float, slopes)), float(beta[-1] - slopes @ mean))
