"""Detectable drops have the power they are printed with, for both ways of losing answers; simulated with other code."""

import numpy as np
import pytest

from apigauge.harness.statistics.intervals import paired_difference
from apigauge.harness.statistics.power import answers_needed, answers_to_pass, exact, minimum_detectable
from apigauge.harness.statistics.significance import mcnemar, pairs, worse

UNEQUAL = [30, 12, 8, 5, 4, 4, 3, 3] + [2] * 12 + [1] * 20


def runs(sizes, seed, changed=0.04):
    """Two runs that differ in few answers, and the number of each answer's API."""
    draw = np.random.default_rng(seed)
    place = np.repeat(np.arange(len(sizes)), sizes)
    before = (draw.random(len(place)) < draw.beta(2, 1, len(sizes))[place]).astype(float)
    flips = draw.random(len(place)) < changed
    return before, np.where(flips, 1 - before, before), place


@pytest.mark.parametrize("loss", ["answers", "apis"])
@pytest.mark.parametrize("sizes", [[2] * 28, [1] * 61, UNEQUAL], ids=["28 x 2", "61 x 1", "unequal"])
def test_the_minimum_detectable_drop_has_80_percent_power(sizes, loss):
    before, after, place = runs(sizes, seed=1)
    drop = minimum_detectable(pairs(before, after, place.astype(str)), loss=loss)
    rate = drop / ((before.mean() + after.mean()) / 2)
    draw = np.random.default_rng(8)
    totals = np.zeros((2_000, len(sizes)), dtype=int)
    for row in totals:
        for api in range(len(sizes)):
            old, new = before[place == api], after[place == api]
            if draw.random() < 0.5:
                old, new = new, old
            kept = draw.random(len(new) if loss == "answers" else 1) >= rate
            row[api] = (new * kept - old).sum()
    assert (exact(totals) <= 0.05).mean() == pytest.approx(0.80, abs=0.03)


def test_whole_apis_are_harder_to_see_lost_unless_each_has_one_answer():
    before, after, place = runs(UNEQUAL, seed=2)
    data = pairs(before, after, place.astype(str))
    assert minimum_detectable(data, loss="apis") > 1.5 * minimum_detectable(data)
    alone = pairs(before, after, [str(at) for at in range(len(before))])
    assert minimum_detectable(alone, loss="apis") == pytest.approx(minimum_detectable(alone), abs=0.01)


@pytest.mark.parametrize("loss", ["answers", "apis"])
def test_equal_runs_of_any_scores_have_a_detectable_drop_above_zero(loss):
    """Also where scores are not 0 or 1: five answers must be lost, or five APIs, before signs can tell."""
    scores = np.random.default_rng(3).random(60)
    drop = minimum_detectable(pairs(scores, scores, np.repeat(np.arange(30), 2).astype(str)), loss=loss)
    assert 0.04 < drop < 0.25


def test_no_drop_is_detectable_where_nothing_is_right_or_too_few_apis_are():
    assert minimum_detectable(pairs([0, 0, 0], [0, 0, 0], ["a", "b", "c"])) is None
    four = pairs([1] * 40, [1] * 40, np.repeat(np.arange(4), 10).astype(str))
    assert minimum_detectable(four) is None
    assert minimum_detectable(four, alpha=0.07) is not None


def test_a_smaller_drop_needs_more_answers():
    draw = np.random.default_rng(10)
    before, after = (draw.random(200) < 0.5 for _ in range(2))
    data = pairs(before, after, [str(at) for at in range(200)])
    few, many = (answers_needed(data, drop) for drop in (0.10, 0.05))
    assert 3.0 < many / few < 5.0
    # The number needed for the minimum detectable drop is about the number of answers there are.
    assert answers_needed(data, minimum_detectable(data)) == pytest.approx(200, rel=0.2)


@pytest.mark.parametrize(("apis", "questions", "needed"), [(28, 2, 144), (61, 1, 72), (100, 1, 100)])
def test_where_nothing_changed_a_pass_takes_72_apis(apis, questions, needed):
    """0.975 of all data sets without a loss exclude 0.05 from log(0.025) / log(0.95) = 71.9 APIs on."""
    right = [1.0] * (apis * questions)
    data = pairs(right, right, np.repeat(np.arange(apis), questions).astype(str))
    assert answers_to_pass(data, 0.05) == pytest.approx(needed, abs=2)
    assert answers_to_pass(data, 0.000_01) is None


def test_a_noisier_run_needs_more_answers_to_pass():
    before, after, place = runs([2] * 60, seed=4, changed=0.1)
    data = pairs(before, after, place.astype(str))
    quiet = pairs(before, before, place.astype(str))
    needed = answers_to_pass(data, 0.05)
    assert needed > 1.5 * answers_to_pass(quiet, 0.05)
    # Simulated plainly: that many answers, as noisy, of a run that is no worse, pass four times in five.
    totals, draw = np.resize(data.after - data.before, needed // 2), np.random.default_rng(5)
    passes = 0
    for _ in range(60):
        drawn = totals * draw.choice((-1, 1), len(totals))
        halves = np.repeat(drawn / 2, 2)
        names = np.repeat(np.arange(len(drawn)), 2).astype(str)
        passes += paired_difference([0.0] * len(halves), halves.tolist(), names.tolist()).low > -0.05
    assert passes / 60 == pytest.approx(0.8, abs=0.15)


def test_p_values_of_many_rows_are_those_of_the_test():
    draw = np.random.default_rng(6)
    rows = draw.integers(-3, 3, (50, 12))
    apis = [str(at) for at in range(12) for _ in range(3)]
    single = []
    for row in rows:
        before = np.concatenate([[float(-value > at) for at in range(3)] for value in row])
        after = np.concatenate([[float(value > at) for at in range(3)] for value in row])
        single.append(worse(pairs(before, after, apis)))
    assert exact(rows) == pytest.approx(single, abs=1e-9)
    assert exact(np.array([[-1, -1, -1, 1]])) == pytest.approx([mcnemar(3, 1)])


@pytest.mark.parametrize("loss", ["answers", "apis"])
def test_of_very_many_apis_the_detectable_drop_is_computed_and_is_that_of_the_simulation(monkeypatch, loss):
    draw = np.random.default_rng(21)
    before, after = ((draw.random(3_000) < 0.6).astype(float) for _ in range(2))
    data = pairs(before, after, [str(at // 2) for at in range(3_000)])
    simulated = minimum_detectable(data, loss=loss)
    monkeypatch.setattr("apigauge.harness.statistics.power._MANY", 1_000)
    assert minimum_detectable(data, loss=loss) == pytest.approx(simulated, rel=0.04)
