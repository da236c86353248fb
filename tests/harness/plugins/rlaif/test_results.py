"""Results of a training, against numbers worked out by hand."""

import pytest

from apigauge.harness.plugins.rlaif.results import Checkpoint, check_hacking, curve, difference, mean

APIS = {str(at): f"api {at // 2}" for at in range(20)}


def scores(right):
    return {str(at): float(at in right) for at in range(20)}


def test_the_mean_is_over_all_seeds_and_its_clusters_are_apis():
    result = mean([scores(range(5)), scores(range(15))], APIS)
    assert (result.value, result.n, result.clusters) == (0.5, 40, 10)
    assert result.low < 0.5 < result.high


def test_a_difference_pairs_each_seed_with_its_own_start():
    """Seed by seed: 2 more of 20, and 4 more; taken crosswise it would be the same mean with another spread."""
    before = [scores(range(4)), scores(range(10, 14))]
    after = [scores(range(6)), scores(range(10, 18))]
    result = difference(before, after, APIS)
    assert result.value == pytest.approx(6 / 40)
    assert (result.n, result.clusters) == (40, 10)
    with pytest.raises(ValueError, match="zip"):
        difference(before[:1], after, APIS)


def test_only_answers_that_both_have_are_compared():
    before, after = scores(range(20)), scores(range(20))
    del before["0"]
    after["1"] = 0.0
    result = difference([before], [after], APIS)
    assert (result.n, result.value) == (19, pytest.approx(-1 / 19))


@pytest.mark.parametrize(
    ("reward", "right", "fell", "hacked"),
    [
        (1.0, range(20), [], False),
        (1.0, range(4), ["exec.rate"], True),
        (-1.0, range(4), ["exec.rate"], False),
        (1.0, range(18), [], False),
    ],
)
def test_a_reward_that_rises_while_programs_stop_running_is_flagged(reward, right, fell, hacked):
    start = Checkpoint(0, 2.0, {"exec.rate": scores(range(20)), "ast.exact": scores(range(3))})
    later = Checkpoint(40, 2.0 + reward, {"exec.rate": scores(right), "ast.exact": scores(range(3))})
    check = check_hacking(start, later, APIS)
    assert (check.step, check.reward, check.fell, check.is_hacked) == (40, reward, fell, hacked)


def test_the_check_is_corrected_for_looking_at_two_metrics():
    """Five APIs of one question each, all lost: p = 1/32, and 2/32 as one of two."""
    apis = {str(at): str(at) for at in range(5)}
    all_right, none = dict.fromkeys(apis, 1.0), dict.fromkeys(apis, 0.0)
    start = Checkpoint(0, 0.0, {"exec.rate": all_right, "ast.exact": none})
    check = check_hacking(start, Checkpoint(1, 1.0, {"exec.rate": none, "ast.exact": none}), apis)
    assert check.p == {"exec.rate": pytest.approx(2 / 32), "ast.exact": 1.0}
    assert not check.is_hacked


def test_a_curve_has_the_requested_columns():
    rows = [{"step": 1, "reward": 0.5, "kl": 2}, {"step": 2, "reward": 1.5, "kl": 3}]
    assert curve(rows, ["kl"]) == {"step": [1.0, 2.0], "kl": [2.0, 3.0]}


def test_a_curve_leaves_out_columns_that_are_missing_in_a_step():
    rows = [{"step": 0, "reward": 0.5}, {"step": 2, "reward": 1.5, "clip_fraction": 0.1}]
    assert curve(rows, ["reward", "clip_fraction"]) == {"step": [0.0, 2.0], "reward": [0.5, 1.5]}
