"""Intervals of means and paired differences against random draws, closed forms, and known truths."""

import random

import numpy as np
import pytest

from apigauge.harness.statistics.intervals import METHOD, estimate, paired_difference


def table(seed, clusters, *, binary):
    """Answers whose clusters differ in size and in how good they are."""
    draw = random.Random(seed)
    values, names = [], []
    for number in range(clusters):
        skill = draw.random()
        for _ in range(draw.randint(1, 9)):
            values.append(float(draw.random() < skill) if binary else round(skill * draw.random(), 3))
            names.append(f"api{number}")
    return values, names


def plain_ends(values, clusters, limits, seed, draws=40_000):
    """Random weights of the clusters and of one more at the limit; the mean of all answers by these weights."""
    groups = {}
    for value, cluster in zip(values, clusters, strict=True):
        groups.setdefault(cluster, []).append(value)
    sizes = np.array([len(group) for group in groups.values()])
    means = np.array([np.mean(group) for group in groups.values()])
    # The cluster that a random answer belongs to has so many answers on average.
    sizes = np.append(sizes, sum(size * size / len(values) for size in sizes))
    weights = np.random.default_rng(seed).exponential(size=(draws, len(sizes))) * sizes
    ends = []
    for limit, percentile in zip(limits, (2.5, 97.5), strict=True):
        drawn = weights @ np.append(means, limit) / weights.sum(axis=1)
        ends.append(np.percentile(drawn, percentile))
    return ends


@pytest.mark.parametrize(("seed", "clusters", "binary"), [(1, 60, True), (2, 35, True), (3, 45, False)])
def test_the_interval_is_gaffke_s_over_clusters(seed, clusters, binary):
    values, names = table(seed, clusters, binary=binary)
    interval = estimate(values, names)
    low, high = plain_ends(values, names, (0, 1), seed=seed + 100)
    assert interval.value == pytest.approx(sum(values) / len(values), abs=1e-12)
    assert interval.low == pytest.approx(low, abs=0.004)
    assert interval.high == pytest.approx(high, abs=0.004)
    assert (interval.n, interval.clusters) == (len(values), len(set(names)))
    # One over answers would have been clearly narrower on these tables.
    answers_low, answers_high = plain_ends(values, list(range(len(values))), (0, 1), seed=seed)
    assert answers_high - answers_low < 0.85 * (high - low)


def test_the_effective_number_of_clusters_is_that_of_equal_ones():
    assert estimate([1.0, 0.0] * 6, list("aabbccddeeff")).effective_clusters == 6.0
    one_of_half = estimate([1.0] * 20, ["a"] * 10 + list("bcdefghijk"))
    assert (one_of_half.clusters, one_of_half.effective_clusters) == (11, round(400 / 110, 2))


def test_the_value_weighs_answers_not_clusters():
    assert estimate([1.0, 0.0, 0.0, 0.0], ["a", "b", "b", "b"]).value == 0.25


def test_the_order_of_the_answers_does_not_matter():
    values, names = table(5, 30, binary=False)
    shuffled = list(zip(values, names, strict=True))
    random.Random(0).shuffle(shuffled)
    assert estimate(*zip(*shuffled, strict=True)) == estimate(values, names)


def test_the_record_says_how_the_interval_was_made_and_that_nothing_was_drawn():
    made = estimate([0.0, 1.0], ["a", "b"]).to_json()
    assert (made["method"], made["seed"]) == (METHOD, None)
    assert set(made) == {"value", "low", "high", "n", "clusters", "effective_clusters", "method", "seed"}


@pytest.mark.parametrize("clusters", [1, 2, 28, 562])
def test_all_zeros_have_the_exact_interval_over_clusters_not_answers(clusters):
    """Clopper and Pearson: the upper end p solves (1 - p)^k = alpha / 2."""
    names = [f"api{number % clusters}" for number in range(clusters * 3)]
    interval = estimate([0.0] * len(names), names)
    assert (interval.value, interval.low, interval.n, interval.clusters) == (0.0, 0.0, clusters * 3, clusters)
    assert interval.high == pytest.approx(1 - 0.025 ** (1 / clusters), rel=1e-6)


@pytest.mark.parametrize("clusters", [1, 78])
def test_all_ones_have_the_mirror_image(clusters):
    interval = estimate([1.0] * clusters, [f"api{number}" for number in range(clusters)])
    assert (interval.value, interval.high) == (1.0, 1.0)
    assert interval.low == pytest.approx(0.025 ** (1 / clusters), rel=1e-6)


def test_one_cluster_says_hardly_anything_about_others():
    """The bound of a single answer of 0.5: half of 97.5 % further to either side."""
    interval = estimate([0.0, 1.0, 1.0, 0.0], ["a"] * 4)
    assert (interval.value, interval.clusters) == (0.5, 1)
    assert (interval.low, interval.high) == pytest.approx((0.0125, 0.9875), abs=1e-8)


def test_equal_values_that_are_not_binary_have_an_interval_too():
    """Three APIs with 0.25: with exact bounds p of 0 of 3, low is 0.25 (1 - p) and high 0.25 + 0.75 p."""
    interval = estimate([0.25] * 6, ["a", "a", "b", "b", "c", "c"])
    rest = 1 - 0.025 ** (1 / 3)
    assert (interval.low, interval.high) == pytest.approx((0.25 * (1 - rest), 0.25 + 0.75 * rest), abs=1e-8)


def test_equal_thirds_are_not_moved_by_rounding():
    interval = estimate([1 / 3] * 7, list("abcdefg"))
    assert interval.low <= interval.value <= interval.high
    assert estimate([1.0] * 3, list("abc")).high == 1.0


def test_scores_beyond_0_and_1_widen_the_limits():
    interval = estimate([0.0, 3.0, 5.0, 4.0], list("abcd"))
    low, high = plain_ends([0.0, 3.0, 5.0, 4.0], list("abcd"), (0, 5), seed=1)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.05)


def test_values_and_clusters_must_be_of_one_length():
    with pytest.raises(ValueError, match="zip"):
        estimate([1.0, 0.0], ["a"])


def test_the_interval_covers_the_truth_where_one_over_answers_does_not():
    """200 data sets of 40 APIs with 8 answers each; an API's chance is Beta(1/2, 1/2), so that the truth is 1/2.

    An interval that takes the 320 answers for independent has half its due width and must miss often.
    """
    generator = np.random.default_rng(20230524)
    names = [f"api{number:02}" for number in range(40) for _ in range(8)]
    covered = naive = 0
    for _ in range(200):
        chances = np.repeat(generator.beta(0.5, 0.5, size=40), 8)
        values = (generator.random(320) < chances).astype(float)
        interval = estimate(values.tolist(), names)
        covered += interval.low <= 0.5 <= interval.high
        mean = values.mean()
        naive += abs(mean - 0.5) <= 1.96 * np.sqrt(mean * (1 - mean) / 320)
    assert covered / 200 >= 0.93
    assert naive / 200 < 0.80


def paired_table(seed, clusters):
    """Two runs' scores of the same answers, much alike: most answers stand, some flip one way or the other."""
    values, names = table(seed, clusters, binary=True)
    draw = random.Random(seed + 1000)
    other = [draw.choice([1.0 - value, 1.0, value, value, value, value]) for value in values]
    return values, other, names


@pytest.mark.parametrize(("seed", "clusters"), [(11, 60), (12, 35)])
def test_the_interval_of_a_difference_is_gaffke_s_between_minus_one_and_one(seed, clusters):
    a, b, names = paired_table(seed, clusters)
    interval = paired_difference(a, b, names)
    low, high = plain_ends([y - x for x, y in zip(a, b, strict=True)], names, (-1, 1), seed=seed + 100)
    assert interval.value == pytest.approx(np.mean(b) - np.mean(a), abs=1e-12)
    assert (interval.low, interval.high) == pytest.approx((low, high), abs=0.004)
    assert (interval.n, interval.clusters, interval.method) == (len(a), len(set(names)), METHOD)
    # Held against each other as two strangers, the runs would have seemed to differ by less certain amounts.
    apart = estimate(a, names), estimate(b, names)
    assert interval.high - interval.low < np.hypot(*(one.high - one.low for one in apart))


def test_a_difference_is_of_clusters_and_not_of_answers():
    """Where all answers of an API flip together, taking answers would give half the width that is due."""
    a, names = [0.0] * 240, [f"api{number:02}" for number in range(30) for _ in range(8)]
    b = [float(int(name[3:]) % 3 == 0) for name in names]
    interval, answers = paired_difference(a, b, names), paired_difference(a, b, [str(at) for at in range(240)])
    assert answers.high - answers.low < 0.6 * (interval.high - interval.low)


@pytest.mark.parametrize("apis", [5, 30, 71, 72])
def test_where_nothing_changed_the_exact_limit_is_not_ruled_out(apis):
    """1 - 0.025^(1/k): 52 % for five APIs. A drop of 0.05 is ruled out from 72 APIs on."""
    values = [float(at % 3 > 0) for at in range(apis)]
    interval = paired_difference(values, values, [str(at) for at in range(apis)])
    limit = 1 - 0.025 ** (1 / apis)
    assert interval.value == 0
    assert (interval.low, interval.high) == pytest.approx((-limit, limit), abs=1e-8)
    assert (interval.low > -0.05) == (apis == 72)


def test_the_difference_is_the_second_run_minus_the_first():
    a, b, names = paired_table(15, 40)
    forth, back = paired_difference(a, b, names), paired_difference(b, a, names)
    assert forth.value == -back.value != 0
    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low), abs=1e-8)


def test_a_difference_does_not_depend_on_the_order_of_the_answers():
    a, b, names = paired_table(16, 30)
    shuffled = list(zip(a, b, names, strict=True))
    random.Random(0).shuffle(shuffled)
    assert paired_difference(*zip(*shuffled, strict=True)) == paired_difference(a, b, names)


@pytest.mark.parametrize(("b", "clusters"), [([1.0], ["a", "b"]), ([1.0], ["a"]), ([1.0, 0.0], ["a"])])
def test_both_runs_and_their_clusters_must_be_of_one_length(b, clusters):
    with pytest.raises(ValueError, match="zip"):
        paired_difference([1.0, 0.0], b, clusters)


def test_the_interval_of_a_difference_covers_the_truth():
    """200 pairs of runs over 40 APIs with 6 answers each, whose true difference is 0.1.

    An API's answers are right with chance p, Beta(1/2, 1/2), in both runs alike. The second run then errs on a right
    answer with chance 1/5 and mends a wrong one with chance 2/5: (-1/5) / 2 + (2/5) / 2 on average.
    """
    generator = np.random.default_rng(20230524)
    names = [f"api{number:02}" for number in range(40) for _ in range(6)]
    covered = 0
    for _ in range(200):
        a = generator.random(240) < np.repeat(generator.beta(0.5, 0.5, size=40), 6)
        b = np.where(generator.random(240) < np.where(a, 0.2, 0.4), ~a, a)
        interval = paired_difference(a.astype(float).tolist(), b.astype(float).tolist(), names)
        covered += interval.low <= 0.1 <= interval.high
    assert covered / 200 >= 0.93
