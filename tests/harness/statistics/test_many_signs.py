"""The sign-flip test over many APIs: against the distribution built up API by API, and McNemar's exact test."""

import numpy as np
import pytest

from apigauge.harness.statistics import significance
from apigauge.harness.statistics.all_pairs import p_values
from apigauge.harness.statistics.many_signs import many_tails
from apigauge.harness.statistics.significance import NORMAL, Pairs, differ, mcnemar, worse


def of_totals(totals):
    return Pairs(np.zeros(len(totals)), totals, np.ones(len(totals), dtype=int), None, np.empty((2, 0)))


def test_one_answer_each_about_many_apis_is_mcnemar_s_test():
    """Each total was rounded to 0 beyond 200,000 APIs that changed, and the p-value of any drop was 1."""
    lost, won = 100_500, 99_501
    totals = np.repeat([-1.0, 1.0], [lost, won])
    expected = mcnemar(lost, won)
    assert worse(of_totals(totals)) == pytest.approx(expected, rel=1e-9)
    assert worse(of_totals(-totals)) > 0.98
    assert differ(of_totals(totals)) == differ(of_totals(-totals)) == pytest.approx(2 * expected, rel=1e-9)
    assert p_values(totals[None])[0] == pytest.approx(2 * expected, rel=1e-9)


def test_tails_are_those_of_the_distribution_built_up_api_by_api():
    draw = np.random.default_rng(11)
    for number in range(60):
        count, most = int(draw.integers(1, 300)), int(draw.integers(1, 8))
        totals = draw.integers(-most, most + 2, count) / draw.choice([1, 7])
        totals = totals[totals != 0]
        if number % 10 == 0:
            totals = np.abs(totals)  # nothing flipped: the smallest p-value that there is
        if len(totals):
            data = of_totals(totals)
            assert many_tails(totals) == pytest.approx((worse(data), worse(of_totals(-totals))), rel=1e-10)


def test_totals_without_a_common_unit_are_those_of_a_finer_grid(monkeypatch):
    monkeypatch.setattr(significance, "GRID", 400_000)
    draw = np.random.default_rng(12)
    for drift in (0.0, -0.15, -0.6):
        totals = draw.normal(drift, 1.0, 60)
        data = of_totals(totals)
        assert many_tails(totals) == pytest.approx((worse(data), worse(of_totals(-totals))), rel=0.02)


def test_few_large_totals_among_many_small_ones_keep_their_weight():
    small = np.random.default_rng(13).normal(0.0, 0.01, 20_000)
    totals = np.concatenate([small, [-300.0] * 8])
    # All eight stay as they are in one of 256 patterns, in which the small ones decide.
    chance = NORMAL.cdf(small.sum() / np.sqrt((small**2).sum()))
    assert worse(of_totals(totals)) == pytest.approx(chance / 256, rel=0.05)
