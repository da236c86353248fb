"""Intervals against a bootstrap written here, closed forms, and known truths."""

import random

import numpy as np
import pytest

from apigauge.harness.statistics import RESAMPLES, estimate


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
    found = estimate(values, names)
    low, high = plain_bootstrap(values, names, seed=seed + 100)
    assert found.value == pytest.approx(sum(values) / len(values), abs=1e-12)
    assert found.low == pytest.approx(low, abs=0.01)
    assert found.high == pytest.approx(high, abs=0.01)
    assert (found.n, found.clusters) == (len(values), len(set(names)))
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
    found = estimate([0.0] * len(names), names)
    assert (found.value, found.low, found.n, found.clusters) == (0.0, 0.0, clusters * 3, clusters)
    assert found.high == pytest.approx(1 - 0.025 ** (1 / clusters), rel=1e-9)
    assert "Clopper" in found.method


@pytest.mark.parametrize("clusters", [1, 78])
def test_all_ones_have_the_mirror_image(clusters):
    found = estimate([1.0] * clusters, [f"api{number}" for number in range(clusters)])
    assert (found.value, found.high) == (1.0, 1.0)
    assert found.low == pytest.approx(0.025 ** (1 / clusters), rel=1e-9)


def test_one_cluster_says_nothing_about_others():
    found = estimate([0.0, 1.0, 1.0, 0.0], ["a"] * 4)
    assert (found.value, found.low, found.high, found.clusters) == (0.5, 0.0, 1.0, 1)
    assert "one cluster" in found.method


def test_equal_values_that_are_not_binary_have_no_spread_to_show():
    found = estimate([0.25] * 6, ["a", "a", "b", "b", "c", "c"])
    assert (found.value, found.low, found.high) == (0.25, 0.25, 0.25)
    assert found.method == "all values equal"


def test_equal_thirds_are_not_moved_by_rounding():
    found = estimate([1 / 3] * 7, list("abcdefg"))
    assert found.low <= found.value <= found.high


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
        found = estimate(values.tolist(), names)
        covered += found.low <= 0.5 <= found.high
        mean = values.mean()
        naive += abs(mean - 0.5) <= 1.96 * np.sqrt(mean * (1 - mean) / 320)
    assert 0.90 <= covered / 300 <= 0.99
    assert naive / 300 < 0.80
