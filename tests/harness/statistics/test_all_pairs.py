"""The test of all pairs agrees with that of two runs, pair by pair."""

import math

import numpy as np
import pytest

from apigauge.harness.metrics.table import TOP
from apigauge.harness.statistics.all_pairs import all_pairs, p_values
from apigauge.harness.statistics.paired import Scores, contrasts
from apigauge.harness.statistics.significance import Pairs, differ


def scores_of(kind, rng, runs, answers):
    """Runs of different skill over questions of different difficulty."""
    ease = np.linspace(0.1, 0.9, runs)[:, None] * 0.5 + rng.random(answers) * 0.5
    right = (rng.random((runs, answers)) < ease).astype(float)
    if kind == "exec.stage":
        return np.floor(rng.random((runs, answers)) * 5 * ease).clip(0, 4)
    if kind == "rouge.L":
        parts = rng.integers(1, 40, (2, runs, answers))
        return np.where(rng.random((runs, answers)) < 0.3, right, parts.min(axis=0) / parts.max(axis=0))
    return right


@pytest.mark.parametrize("metric", ["ast.exact", "hallucination", "exec.stage", "rouge.L"])
@pytest.mark.parametrize(("answers", "apis"), [(30, 9), (186, 78), (600, 380)])
def test_every_pair_has_the_numbers_of_compare(metric, answers, apis):
    rng = np.random.default_rng(answers)
    scores = scores_of(metric, rng, 3, answers)
    scores[rng.random(scores.shape) < 0.02] = np.nan
    clusters = [f"api {number}" for number in rng.zipf(1.3, answers) % apis]
    pairs = all_pairs(metric, scores, clusters)
    assert [(pair.a, pair.b) for pair in pairs] == [(a, b) for a in range(3) for b in range(a + 1, 3)]
    for pair in pairs:
        both = np.flatnonzero(~np.isnan(scores[[pair.a, pair.b]]).any(axis=0))
        one = Scores(*(scores[run, both].tolist() for run in (pair.a, pair.b)), [clusters[at] for at in both])
        expected = contrasts({metric: one})[metric]
        assert pair.n == expected.difference.n
        assert pair.difference == pytest.approx(expected.difference.value, abs=1e-12 * TOP.get(metric, 1.0))
        assert pair.low == pytest.approx(expected.difference.low, abs=4e-9)
        assert pair.high == pytest.approx(expected.difference.high, abs=4e-9)
        assert pair.p == pytest.approx(expected.p, rel=1e-6)
        if metric != "rouge.L":
            assert pair.p == pytest.approx(expected.p, rel=1e-12)


def p_of(totals):
    nothing = np.zeros_like(totals)
    return differ(Pairs(nothing, totals, np.ones(len(totals)), None, np.zeros((2, len(totals)))))


@pytest.mark.parametrize("shift", [0.0, 0.1, 0.4])
@pytest.mark.parametrize("apis", [1, 2, 47, 49, 300])
@pytest.mark.parametrize("kind", ["spread", "sevenths and whole", "nearly whole", "of 97ths", "one large"])
def test_totals_of_any_kind_have_the_same_p_value_and_small_ones_are_accurate(kind, apis, shift):
    rng = np.random.default_rng(apis)
    whole = rng.integers(-3, 4, apis) + (rng.random(apis) < shift)
    totals = {
        "spread": rng.normal(shift, 0.5, apis),
        "sevenths and whole": np.where(rng.random(apis) < 0.5, whole, whole / 7),
        "nearly whole": whole + rng.normal(0, 1e-3, apis),
        "of 97ths": whole / 97 + rng.integers(-1, 2, apis),
        "one large": np.append(rng.normal(shift, 0.01, apis - 1), 50.0),
    }[kind]
    assert p_values(totals[None])[0] == pytest.approx(p_of(totals), rel=1e-6)


def test_runs_without_any_difference_have_a_p_value_of_one():
    assert p_values(np.array([[0.0, 0.0], [0.5, -0.5]])).tolist() == [1.0, 1.0]


def test_runs_without_a_common_answer_make_no_pair():
    scores = np.array([[1.0, math.nan], [math.nan, 1.0], [1.0, 0.0]])
    assert [(pair.a, pair.b, pair.n) for pair in all_pairs("ast.exact", scores, ["x", "y"])] == [(0, 2, 1), (1, 2, 1)]
    assert all_pairs("ast.exact", scores[:2], ["x", "y"]) == []


@pytest.mark.parametrize("metric", ["ast.exact", "exec.stage", "rouge.L"])
@pytest.mark.parametrize("missing", [0.0, 0.1])
def test_numbers_of_a_pair_are_the_same_bits_whatever_others_are_compared(metric, missing):
    rng = np.random.default_rng(5)
    scores = scores_of(metric, rng, 9, 240)
    scores[:5][rng.random((5, 240)) < missing] = np.nan
    apis = [f"api {number}" for number in rng.zipf(1.3, 240) % 150]
    every = {(pair.a, pair.b): pair for pair in all_pairs(metric, scores, apis)}
    for wanted in [(4, 8), (0, 1), *zip(rng.integers(0, 4, 12).tolist(), rng.integers(4, 9, 12).tolist(), strict=True)]:
        assert all_pairs(metric, scores, apis, lambda a, b, wanted=wanted: (a, b) == wanted) == [every[wanted]]
    chosen = set(list(every)[::3])
    assert all_pairs(metric, scores, apis, lambda a, b: (a, b) in chosen) == [every[pair] for pair in sorted(chosen)]
