"""Gaffke's bounds against closed forms, random draws and high-precision integrals, and that they cover."""

import numpy as np
import pytest
from scipy import optimize, stats

from apigauge.harness.statistics import bounded_mean
from apigauge.harness.statistics.bounded_mean import Clusters, chance_above, chance_below, clusters_of, lower_bound
from apigauge.harness.statistics.bounded_mean import upper_bound as upper

TENSORFLOW_HUB = [228, 133, 52, 43, 35, 26, 14, 12, 9, 9, 9, 7, 6, 6, 5, 5, 5, 5, 4, 4] + [3] * 7 + [2] * 12 + [1] * 23


def zeros_and_ones(right, count):
    return clusters_of(np.array([1.0] * right + [0.0] * (count - right)), np.ones(count))


@pytest.mark.parametrize("count", [1, 2, 5, 28, 61, 562, 2_000])
def test_of_single_zeros_and_ones_they_are_clopper_and_pearson_s(count):
    for right in sorted({0, 1, count // 50, count // 2, count - 1, count} & set(range(count + 1))):
        exact = stats.binomtest(right, count).proportion_ci(0.95, "exact")
        data = zeros_and_ones(right, count)
        assert (lower_bound(data, 0.025), upper(data, 0.025)) == pytest.approx((exact.low, exact.high), abs=1e-7)


@pytest.mark.parametrize("tail", [0.2, 0.025, 1e-6, 1e-12])
def test_small_tails_are_accurate(tail):
    """As early looks of a gate need them; relative to the exact binomial tail."""
    for right, count in ((0, 61), (3, 61), (1, 562), (40, 562), (0, 2_000)):
        at = stats.beta.isf(tail, right + 1, count - right)
        assert chance_above(zeros_and_ones(right, count), at)[0] == pytest.approx(tail, rel=1e-5)


def integral(gaps):
    """The probability that a sum of exponential variables with these weights is positive: Gil-Pelaez, finely."""
    gaps = gaps / gaps.max()
    start = optimize.brentq(lambda s: (gaps / (1 - gaps * s)).sum() - 1 / s, 1e-9, 1 - 1e-12)
    nodes, weights = np.polynomial.legendre.leggauss(40)
    edges = np.concatenate([[0], np.geomspace(1e-4, 1e6, 400)])
    heights = (edges[1:, None] + edges[:-1, None]) / 2 + np.diff(edges)[:, None] / 2 * nodes
    line = (start + 1j * heights).ravel()
    values = np.exp(-np.log(1 - gaps[:, None] * line).sum(axis=0)) / line
    return float((values.real.reshape(heights.shape) * weights * np.diff(edges)[:, None] / 2).sum() / np.pi)


@pytest.mark.parametrize("seed", range(6))
def test_of_any_scores_and_sizes_they_are_the_quantiles_of_randomly_weighted_means(seed):
    draw = np.random.default_rng(seed)
    count = int(draw.integers(1, 80))
    scores = [draw.random(count), draw.random(count) ** 6, np.round(draw.random(count) * 4) / 4][seed % 3]
    sizes = [np.ones(count), draw.integers(1, 9, count), np.ceil(draw.pareto(0.8, count) * 3 + 1)][seed // 2 % 3]
    data = clusters_of(scores * sizes, sizes.astype(float))
    assert data.effective[0] == pytest.approx(sizes.sum() ** 2 / (sizes**2).sum())
    unobserved = (sizes**2).sum() / sizes.sum()
    for tail in (0.3, 0.025, 1e-6):
        high, low = upper(data, tail), lower_bound(data, tail)
        gaps = np.append(sizes * (scores - high), unobserved * (1 - high))
        assert integral(gaps) == pytest.approx(tail, rel=1e-4)
        gaps = np.append(sizes * (low - scores), unobserved * low)
        assert integral(gaps) == pytest.approx(tail, rel=1e-4)
    weights = draw.exponential(size=(100_000, count + 1))
    sizes = np.append(sizes, unobserved)
    means = (weights @ (sizes * np.append(scores, 1.0))) / (weights @ sizes)
    assert (means > upper(data, 0.025)).mean() == pytest.approx(0.025, abs=0.0025)


def test_many_data_sets_at_once_are_the_same_as_one_after_another():
    draw = np.random.default_rng(1)
    sizes = np.array(TENSORFLOW_HUB, dtype=float)
    means = draw.integers(-3, 4, (40, len(sizes))) / 3 * (draw.random((40, len(sizes))) < draw.random((40, 1)) ** 2)
    many = Clusters(means, np.broadcast_to(sizes, means.shape), np.ones_like(means))
    for at in (-0.3, -0.05, 0.0, 0.1):
        for chance, limit in ((chance_above, 1.0), (chance_below, -1.0)):
            single = [chance(clusters_of(row * sizes, sizes), at, limit)[0] for row in means]
            assert chance(many, at, limit) == pytest.approx(single, rel=1e-6, abs=1e-12)


def test_no_bound_falls_where_a_score_rises():
    """And so neither end falls from none of 56 right to one of 56, and on to all."""
    sizes = np.full(28, 2.0)
    previous = (0.0, 0.0)
    for right in range(57):
        totals = np.clip(right - 2 * np.arange(28), 0, 2).astype(float)
        data = clusters_of(totals, sizes)
        ends = lower_bound(data, 0.025), upper(data, 0.025)
        assert ends > previous or right == 0
        assert ends[0] >= previous[0]
        assert ends[1] >= previous[1]
        previous = ends
    assert previous[1] == 1.0
    draw = np.random.default_rng(2)
    for _ in range(40):
        count = int(draw.integers(1, 30))
        scores, sizes = draw.random(count), draw.integers(1, 9, count).astype(float)
        better = scores.copy()
        better[draw.integers(count)] = 1.0
        for tail in (0.025, 1e-4):
            less, more = clusters_of(scores * sizes, sizes), clusters_of(better * sizes, sizes)
            assert lower_bound(less, tail) <= lower_bound(more, tail) + 1e-9
            assert upper(less, tail) <= upper(more, tail) + 1e-9


@pytest.mark.parametrize("sizes", [TENSORFLOW_HUB, [10] * 10, [1] * 20], ids=["62 unequal", "10 x 10", "20 x 1"])
@pytest.mark.parametrize("correlation", [0.5, 1.0])
def test_intervals_cover_with_few_and_unequal_clusters(sizes, correlation):
    """Where a bootstrap of clusters covers in 69 to 92 % of such data sets; 400 of each, one in ten right."""
    draw = np.random.default_rng(3)
    sizes, share = np.array(sizes), 0.1
    scale = 1 / correlation - 1
    shape = (400, len(sizes))
    skills = (
        draw.beta(share * scale, (1 - share) * scale, shape) if scale else (draw.random(shape) < share).astype(float)
    )
    means = draw.binomial(sizes, skills) / sizes
    data = Clusters(means, np.broadcast_to(sizes.astype(float), shape), np.ones(shape))
    missed = (chance_above(data, share) < 0.025) | (chance_below(data, share) < 0.025)
    assert 1 - missed.mean() >= 0.95


def test_a_mean_at_a_limit_is_certain_only_at_that_limit():
    data = zeros_and_ones(5, 5)
    assert upper(data, 0.025) == 1.0
    assert lower_bound(data, 0.025) == pytest.approx(0.025 ** (1 / 5), abs=1e-8)
    assert chance_above(data, 1.0) == [1.0]
    assert bounded_mean.chance_above(zeros_and_ones(0, 5), 1.0) == [0.0]
