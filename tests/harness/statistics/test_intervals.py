"""Intervals against a bootstrap written here, closed forms, and known truths."""

import random

import numpy as np
import pytest

from apigauge.harness.statistics.intervals import RESAMPLES, estimate, paired_difference


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


def plain_bootstrap(values, clusters, seed, resamples=10_000):
    """Draws whole clusters with replacement, one resample at a time; mean of all answers drawn."""
    groups = {}
    for value, cluster in zip(values, clusters, strict=True):
        groups.setdefault(cluster, []).append(value)
    groups = list(groups.values())
    generator = np.random.default_rng(seed)
    means = []
    for drawn in generator.integers(len(groups), size=(resamples, len(groups))):
        answers = [value for index in drawn for value in groups[index]]
        means.append(sum(answers) / len(answers))
    return np.percentile(means, [2.5, 97.5])


@pytest.mark.parametrize(("seed", "clusters", "binary"), [(1, 60, True), (2, 35, True), (3, 45, False)])
def test_the_interval_is_that_of_a_bootstrap_over_clusters(seed, clusters, binary):
    values, names = table(seed, clusters, binary=binary)
    interval = estimate(values, names)
    low, high = plain_bootstrap(values, names, seed=seed + 100)
    assert interval.value == pytest.approx(sum(values) / len(values), abs=1e-12)
    assert interval.low == pytest.approx(low, abs=0.01)
    assert interval.high == pytest.approx(high, abs=0.01)
    assert (interval.n, interval.clusters) == (len(values), len(set(names)))
    # Drawing answers instead would have given a clearly narrower one on these tables.
    answers_low, answers_high = plain_bootstrap(values, list(range(len(values))), seed=seed)
    assert answers_high - answers_low < 0.85 * (high - low)


def test_the_value_weighs_answers_not_clusters():
    assert estimate([1.0, 0.0, 0.0, 0.0], ["a", "b", "b", "b"]).value == 0.25


def test_a_seed_gives_the_same_estimate_to_the_last_bit_and_is_told():
    values, names = table(4, 30, binary=True)
    once, again, other = (estimate(values, names, seed=seed) for seed in (7, 7, 8))
    assert repr(once.to_json()) == repr(again.to_json())
    assert once.seed == 7
    assert (once.low, once.high) != (other.low, other.high)


def test_the_order_of_the_answers_does_not_matter():
    values, names = table(5, 30, binary=False)
    shuffled = list(zip(values, names, strict=True))
    random.Random(0).shuffle(shuffled)
    assert estimate(*zip(*shuffled, strict=True)) == estimate(values, names)


def test_the_method_says_how_the_interval_was_made():
    assert str(RESAMPLES) in estimate([0.0, 1.0], ["a", "b"]).method
    assert set(estimate([0.0, 1.0], ["a", "b"]).to_json()) == {
        "value",
        "low",
        "high",
        "n",
        "clusters",
        "method",
        "seed",
    }


@pytest.mark.parametrize("clusters", [1, 2, 28, 562])
def test_all_zeros_have_the_exact_interval_over_clusters_not_answers(clusters):
    """Clopper and Pearson: the upper end p solves (1 - p)^k = alpha / 2."""
    names = [f"api{number % clusters}" for number in range(clusters * 3)]
    interval = estimate([0.0] * len(names), names)
    assert (interval.value, interval.low, interval.n, interval.clusters) == (0.0, 0.0, clusters * 3, clusters)
    assert interval.high == pytest.approx(1 - 0.025 ** (1 / clusters), rel=1e-9)
    assert "Clopper" in interval.method


@pytest.mark.parametrize("clusters", [1, 78])
def test_all_ones_have_the_mirror_image(clusters):
    interval = estimate([1.0] * clusters, [f"api{number}" for number in range(clusters)])
    assert (interval.value, interval.high) == (1.0, 1.0)
    assert interval.low == pytest.approx(0.025 ** (1 / clusters), rel=1e-9)


def test_one_cluster_says_nothing_about_others():
    interval = estimate([0.0, 1.0, 1.0, 0.0], ["a"] * 4)
    assert (interval.value, interval.low, interval.high, interval.clusters) == (0.5, 0.0, 1.0, 1)
    assert "one cluster" in interval.method


def test_equal_values_that_are_not_binary_have_no_spread_to_show():
    interval = estimate([0.25] * 6, ["a", "a", "b", "b", "c", "c"])
    assert (interval.value, interval.low, interval.high) == (0.25, 0.25, 0.25)
    assert interval.method == "all values equal"


def test_equal_thirds_are_not_moved_by_rounding():
    interval = estimate([1 / 3] * 7, list("abcdefg"))
    assert interval.low <= interval.value <= interval.high


def test_values_and_clusters_must_be_of_one_length():
    with pytest.raises(ValueError, match="zip"):
        estimate([1.0, 0.0], ["a"])


def test_the_interval_covers_the_truth_where_one_over_answers_does_not():
    """300 data sets of 40 APIs with 8 answers each; an API's chance is Beta(1/2, 1/2), so that the truth is 1/2.

    An interval that takes the 320 answers for independent has half its due width and must miss often.
    """
    generator = np.random.default_rng(20230524)
    names = [f"api{number:02}" for number in range(40) for _ in range(8)]
    covered = naive = 0
    for _ in range(300):
        chances = np.repeat(generator.beta(0.5, 0.5, size=40), 8)
        values = (generator.random(320) < chances).astype(float)
        interval = estimate(values.tolist(), names)
        covered += interval.low <= 0.5 <= interval.high
        mean = values.mean()
        naive += abs(mean - 0.5) <= 1.96 * np.sqrt(mean * (1 - mean) / 320)
    assert 0.90 <= covered / 300 <= 0.99
    assert naive / 300 < 0.80


def paired_table(seed, clusters):
    """Two runs' scores of the same answers, much alike: most answers stand, some flip one way or the other."""
    values, names = table(seed, clusters, binary=True)
    draw = random.Random(seed + 1000)
    other = [draw.choice([1.0 - value, 1.0, value, value, value, value]) for value in values]
    return values, other, names


def plain_paired_bootstrap(a, b, clusters, seed, resamples=10_000):
    """Draws whole clusters with replacement; of both runs the answers of the clusters drawn, mean against mean."""
    a, b, clusters = np.array(a), np.array(b), np.array(clusters)
    members = [np.flatnonzero(clusters == name) for name in np.unique(clusters)]
    generator = np.random.default_rng(seed)
    differences = []
    for drawn in generator.integers(len(members), size=(resamples, len(members))):
        answers = np.concatenate([members[index] for index in drawn])
        differences.append(b[answers].mean() - a[answers].mean())
    return np.percentile(differences, [2.5, 97.5])


@pytest.mark.parametrize(("seed", "clusters"), [(11, 60), (12, 35)])
def test_the_interval_of_a_difference_is_that_of_a_paired_bootstrap_over_clusters(seed, clusters):
    a, b, names = paired_table(seed, clusters)
    interval = paired_difference(a, b, names)
    low, high = plain_paired_bootstrap(a, b, names, seed=seed + 100)
    assert interval.value == pytest.approx(np.mean(b) - np.mean(a), abs=1e-12)
    assert interval.low == pytest.approx(low, abs=0.01)
    assert interval.high == pytest.approx(high, abs=0.01)
    assert (interval.n, interval.clusters) == (len(a), len(set(names)))
    assert str(RESAMPLES) in interval.method
    # Held against each other as two strangers, the runs would have seemed to differ by clearly less certain amounts.
    apart = estimate(a, names), estimate(b, names)
    assert interval.high - interval.low < 0.8 * np.hypot(*(one.high - one.low for one in apart))


def test_a_difference_is_of_clusters_and_not_of_answers():
    """Where all answers of an API flip together, drawing answers would give half the width that is due."""
    a, names = [0.0] * 240, [f"api{number:02}" for number in range(30) for _ in range(8)]
    b = [float(int(name[3:]) % 3 == 0) for name in names]
    interval = paired_difference(a, b, names)
    low, high = plain_paired_bootstrap(a, b, range(240), seed=1)
    assert high - low < 0.6 * (interval.high - interval.low)


def test_a_run_does_not_differ_from_itself():
    values, names = table(13, 30, binary=False)
    interval = paired_difference(values, values, names)
    assert (interval.value, interval.low, interval.high) == (0.0, 0.0, 0.0)
    assert (interval.n, interval.clusters, interval.method) == (len(values), 30, "all differences equal")


def test_a_shift_of_every_answer_is_the_difference_and_its_interval():
    values, names = table(14, 30, binary=True)
    up = paired_difference([value / 2 for value in values], [value / 2 + 0.25 for value in values], names)
    assert (up.value, up.low, up.high) == (0.25, 0.25, 0.25)
    # Not equal to the last bit, so drawn.
    thirds = paired_difference([value / 3 for value in values], [value / 3 + 0.1 for value in values], names)
    assert (thirds.low, thirds.high) == pytest.approx((0.1, 0.1), abs=1e-12)


def test_the_difference_is_the_second_run_minus_the_first():
    a, b, names = paired_table(15, 40)
    forth, back = paired_difference(a, b, names), paired_difference(b, a, names)
    assert forth.value == -back.value != 0
    assert (forth.low, forth.high) == pytest.approx((-back.high, -back.low), abs=0.01)


def test_a_difference_does_not_depend_on_the_order_of_the_answers_but_on_the_seed():
    a, b, names = paired_table(16, 30)
    shuffled = list(zip(a, b, names, strict=True))
    random.Random(0).shuffle(shuffled)
    interval = paired_difference(a, b, names, seed=7)
    assert paired_difference(*zip(*shuffled, strict=True), seed=7) == interval
    other = paired_difference(a, b, names, seed=8)
    assert (interval.seed, interval.value) == (7, other.value)
    assert (interval.low, interval.high) != (other.low, other.high)


def test_a_difference_within_one_cluster_says_nothing_about_others():
    interval = paired_difference([0.0, 1.0, 1.0], [1.0, 1.0, 1.0], ["a"] * 3)
    assert (interval.value, interval.low, interval.high) == (pytest.approx(1 / 3), -1.0, 1.0)
    assert "one cluster" in interval.method


@pytest.mark.parametrize(("b", "clusters"), [([1.0], ["a", "b"]), ([1.0], ["a"]), ([1.0, 0.0], ["a"])])
def test_both_runs_and_their_clusters_must_be_of_one_length(b, clusters):
    with pytest.raises(ValueError, match="zip"):
        paired_difference([1.0, 0.0], b, clusters)


def test_the_interval_of_a_difference_covers_the_truth():
    """300 pairs of runs over 40 APIs with 6 answers each, whose true difference is 0.1.

    An API's answers are right with chance p, Beta(1/2, 1/2), in both runs alike. The second run then errs on a right
    answer with chance 1/5 and mends a wrong one with chance 2/5: (-1/5) / 2 + (2/5) / 2 on average.
    """
    generator = np.random.default_rng(20230524)
    names = [f"api{number:02}" for number in range(40) for _ in range(6)]
    covered = 0
    for _ in range(300):
        a = generator.random(240) < np.repeat(generator.beta(0.5, 0.5, size=40), 6)
        b = np.where(generator.random(240) < np.where(a, 0.2, 0.4), ~a, a)
        interval = paired_difference(a.astype(float).tolist(), b.astype(float).tolist(), names)
        covered += interval.low <= 0.1 <= interval.high
    assert 0.90 <= covered / 300 <= 0.99
