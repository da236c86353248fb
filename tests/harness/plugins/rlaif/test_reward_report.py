"""Accuracy, calibration and correlation against values worked out by hand."""

import math

import pytest

from apigauge.harness.plugins.rlaif.pairs import Labelled, Pair
from apigauge.harness.plugins.rlaif.reward_report import calibration, correlation, evaluation


def logit(probability):
    return math.log(probability / (1 - probability))


def test_calibration_is_the_gap_between_probability_and_share_weighted_by_pairs():
    # Bins are 0.05 wide from 0.5: three pairs at 0.62 and 0.64 (bin 2) of which two are right, one sure and wrong.
    result = calibration([logit(0.62), -logit(0.64), logit(0.64), -logit(0.98)])
    assert [row["n"] for row in result["bins"]] == [0, 0, 3, 0, 0, 0, 0, 0, 0, 1]
    third, last = result["bins"][2], result["bins"][9]
    assert (third["low"], third["high"], last["high"]) == (pytest.approx(0.6), pytest.approx(0.65), 1)
    assert third["probability"] == pytest.approx((0.62 + 0.64 + 0.64) / 3)
    assert third["right"] == pytest.approx(2 / 3)
    assert (last["probability"], last["right"]) == (pytest.approx(0.98), 0)
    # 3/4 * |0.6667 - 0.6333| + 1/4 * |0 - 0.98|
    assert result["error"] == pytest.approx(0.75 * (2 / 3 - 1.9 / 3) + 0.25 * 0.98)
    assert "right" not in result["bins"][0]


def test_the_ends_of_the_scale_have_a_bin():
    result = calibration([0.0, 1e3, -1e3])
    assert [row["n"] for row in result["bins"]] == [1, *[0] * 8, 2]
    # A draw is not right.
    assert result["bins"][0]["right"] == 0


def test_correlation_leaves_out_answers_without_a_value():
    # Pearson by hand: deviations (-1, 0, 1) and (-7, -1, 8) / 3: 15 / sqrt(2 * 114).
    result = correlation([1.0, 2.0, 3.0, 9.0], [0, 2, 5, None])
    assert result == {"pearson": pytest.approx(15 / math.sqrt(228)), "spearman": pytest.approx(1), "n": 3}
    # Ranks (1, 2, 3) and (1.5, 1.5, 3).
    assert correlation([1.0, 2.0, 3.0], [4, 4, 5])["spearman"] == pytest.approx(math.sqrt(3) / 2)


@pytest.mark.parametrize(
    ("rewards", "values"), [([1.0, 2.0], [3, 3]), ([1.0, 1.0], [3, 4]), ([1.0, 2.0], [None, 4]), ([], [])]
)
def test_correlation_with_a_constant_is_undefined(rewards, values):
    result = correlation(rewards, values)
    assert (result["pearson"], result["spearman"]) == (None, None)


def test_a_pair_is_right_if_the_chosen_answer_has_the_greater_reward():
    metrics = [{"exec.rate": 1.0}, {"exec.rate": 0.0, "ast.exact": 1.0}, {}]
    a, b, c = (Labelled(f"x{at}", at, f"api{at}", "", "", 3 - at, metrics[at]) for at in range(3))
    # Two rewards alike, as of b and itself, are a draw and not right.
    result = evaluation([a, b, c], [5.0, 1.0, 4.0], [Pair(a, b, 1), Pair(a, c, 2), Pair(b, c, 1), Pair(b, b, 1)])
    accuracy = result["accuracy"]
    assert (accuracy["value"], accuracy["n"], accuracy["clusters"]) == (0.5, 4, 2)
    assert result["calibration"] == calibration([4, 1, -3, 0])
    assert result["correlation"]["score"] == correlation([5, 1, 4], [3, 2, 1])
    assert result["correlation"]["exec.rate"] == {"pearson": pytest.approx(1), "spearman": pytest.approx(1), "n": 2}
    assert result["correlation"]["ast.exact"] == {"pearson": None, "spearman": None, "n": 1}
