"""Agreement of two metrics: against scipy's tau-b, against counting pairs, and whether the interval covers."""

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau

from apigauge.harness.statistics.rank_correlation import Ranked, rank_correlation

ANSWERS = st.lists(st.tuples(st.sampled_from([0.0, 0.25, 0.5, 1.0]), st.sampled_from([0.0, 1.0])), max_size=25)


def ranked(answers, apis=None):
    x, y = [a for a, _ in answers], [b for _, b in answers]
    return Ranked(x, y, [str(at) for at in range(len(x))] if apis is None else apis)


def sign(number):
    return (number > 0) - (number < 0)


@given(ANSWERS)
def test_one_run_has_the_tau_b_of_scipy(answers):
    ours = rank_correlation([ranked(answers)])
    theirs = kendalltau([a for a, _ in answers], [b for _, b in answers]).statistic if len(answers) > 1 else math.nan
    if math.isnan(theirs):
        assert ours is None
    else:
        assert ours.value == pytest.approx(theirs, abs=1e-8)
        assert ours.low <= ours.high


@given(st.lists(ANSWERS, min_size=2, max_size=3))
def test_over_runs_only_pairs_of_one_run_count(runs):
    pairs = [pair for answers in runs for pair in itertools.combinations(answers, 2)]
    agreed = sum(sign(a[0] - b[0]) * sign(a[1] - b[1]) for a, b in pairs)
    by_x, by_y = (sum(a[side] != b[side] for a, b in pairs) for side in (0, 1))
    ours = rank_correlation([ranked(answers) for answers in runs])
    if by_x * by_y == 0:
        assert ours is None
    else:
        assert ours.value == pytest.approx(agreed / math.sqrt(by_x * by_y), abs=1e-8)
        assert ours.n == sum(map(len, runs))


def test_a_model_better_in_both_does_not_make_metrics_agree():
    weak, strong = [(0.0, 0.0), (0.0, 1.0)] * 5, [(1.0, 0.0), (1.0, 1.0)] * 5
    assert rank_correlation([ranked(weak), ranked(strong)]) is None
    assert rank_correlation([ranked(weak + strong)]).value == 0


def test_the_order_of_answers_does_not_matter():
    rng = random.Random(3)
    answers = [(rng.random(), float(rng.random() < 0.5), str(rng.randrange(9))) for _ in range(60)]
    shuffled = rng.sample(answers, 60)
    first, second = (rank_correlation([Ranked(*zip(*one, strict=True))]) for one in (answers, shuffled))
    assert first == second


def test_answers_about_few_apis_say_less_than_as_many_about_others():
    rng = random.Random(5)
    answers = [(float(one), float(one)) if rng.random() < 0.7 else (float(one), 1.0 - one) for one in (0, 1) * 40]
    apart = rank_correlation([ranked(answers)])
    together = rank_correlation([ranked(answers * 5, [str(at) for at in range(80)] * 5)])
    assert together.value == pytest.approx(apart.value, abs=0.02)
    assert together.high - together.low > 0.8 * (apart.high - apart.low)


def test_the_interval_covers_in_about_nineteen_of_twenty():
    """The truth is 0.6 where a metric of zeros and ones is copied, and each fifth is turned, at random."""
    rng = random.Random(11)
    covered = 0
    for _ in range(200):
        x = [float(rng.random() < 0.5) for _ in range(150)]
        y = [one if rng.random() < 0.8 else 1 - one for one in x]
        both = rank_correlation([ranked(list(zip(x, y, strict=True)))])
        covered += both.low <= 0.6 <= both.high
    assert covered >= 182
