"""Whether two runs differ by more than chance: against every way the signs could have been, and against references."""

import itertools

import numpy as np
import pytest
from compared_runs import make_run
from scipy import stats

from apigauge.__main__ import main
from apigauge.harness.statistics.paired import Scores, contrasts
from apigauge.harness.statistics.power import exact as exact_tails
from apigauge.harness.statistics.power import minimum_detectable
from apigauge.harness.statistics.significance import differ, pairs


def brute(a, b, apis):
    """Two-sided p-value by writing down each combination of signs of the APIs' differences."""
    totals = [sum(y - x for x, y, one in zip(a, b, apis, strict=True) if one == api) for api in sorted(set(apis))]
    sums = [np.dot(signs, totals) for signs in itertools.product((-1, 1), repeat=len(totals))]
    low, high = (np.mean([sign * one <= sign * sum(totals) + 1e-9 for one in sums]) for sign in (1, -1))
    return min(1.0, 2 * min(low, high))


def binary(draw, count=30, apis=8):
    a, b = ((draw.random(count) < draw.random()).astype(float).tolist() for _ in range(2))
    return Scores(a, b, [str(api) for api in draw.integers(0, apis, count)])


def test_p_counts_every_way_the_signs_could_have_been_on_either_side():
    draw = np.random.default_rng(1)
    fell = 0
    for _ in range(60):
        one = binary(draw)
        assert differ(pairs(one.a, one.b, one.apis)) == pytest.approx(brute(one.a, one.b, one.apis), abs=1e-12)
        fell += sum(one.b) < sum(one.a)
    assert 15 < fell < 45
    (contrast,) = contrasts({"ast.exact": one}).values()
    assert contrast.p == pytest.approx(brute(one.a, one.b, one.apis), abs=1e-12)


def test_it_does_not_matter_which_run_comes_first_or_whether_more_is_better():
    draw = np.random.default_rng(2)
    for _ in range(6):
        one = binary(draw)
        turned = Scores(one.b, one.a, one.apis)
        wrong = Scores([1 - x for x in one.a], [1 - x for x in one.b], one.apis)
        (contrast,), (other,), (failed,) = (
            contrasts({name: scores}).values()
            for name, scores in (("ast.exact", one), ("ast.exact", turned), ("hallucination", wrong))
        )
        assert contrast.p == other.p == failed.p
        assert contrast.mcnemar == other.mcnemar == failed.mcnemar
        assert contrast.difference.value == pytest.approx(-other.difference.value)
        assert contrast.difference.value == pytest.approx(-failed.difference.value)
        assert contrast.minimum_detectable == failed.minimum_detectable


def test_mcnemar_is_the_two_sided_binomial_test_of_what_changed():
    lost_5_won_14 = Scores([1] * 5 + [0] * 14 + [1] * 20, [0] * 5 + [1] * 14 + [1] * 20, [str(n) for n in range(39)])
    (contrast,) = contrasts({"ast.exact": lost_5_won_14}).values()
    assert contrast.mcnemar == pytest.approx(stats.binomtest(5, 19).pvalue, abs=1e-12)
    assert contrast.p == pytest.approx(contrast.mcnemar, abs=1e-12)
    grouped = Scores(lost_5_won_14.a, lost_5_won_14.b, [str(n // 5) for n in range(39)])
    (clustered,) = contrasts({"ast.exact": grouped}).values()
    assert clustered.mcnemar == contrast.mcnemar
    assert clustered.p > 2 * contrast.p


def test_scores_between_0_and_1_have_a_p_value_and_no_mcnemar():
    draw = np.random.default_rng(3)
    a = draw.random(12)
    b = a + draw.normal(0.05, 0.1, 12)
    one = Scores(a.tolist(), b.tolist(), [str(n) for n in range(12)])
    (contrast,) = contrasts({"rouge.L": one}).values()
    exact = brute(one.a, one.b, one.apis)
    assert 0.001 < exact < 0.9
    assert contrast.p == pytest.approx(exact, abs=2 / 4_096)
    assert contrast.mcnemar is None


def test_p_values_are_adjusted_over_all_metrics_compared():
    from statsmodels.stats.multitest import multipletests

    names = ("ast.exact", "ast.domain", "hallucination", "exec.rate")
    apis = [str(number) for number in range(20)]
    lost = {
        name: Scores([1] * 20, [0] * count + [1] * (20 - count), apis)
        for name, count in zip(names, (9, 1, 7, 6), strict=True)
    }
    by_metric = contrasts(lost)
    raw = [one.p for one in by_metric.values()]
    assert raw == pytest.approx([2 * 0.5**9, 1, 2 * 0.5**7, 2 * 0.5**6])
    assert [one.p_adjusted for one in by_metric.values()] == pytest.approx(multipletests(raw, method="holm")[1])


def test_rungs_are_reported_as_rungs_and_tested_as_shares():
    draw = np.random.default_rng(5)
    a, b = (draw.integers(0, 5, 200).astype(float) for _ in range(2))
    apis = [str(n) for n in range(200)]
    contrast = contrasts({"exec.stage": Scores(a.tolist(), b.tolist(), apis)})["exec.stage"]
    share = contrasts({"rouge.L": Scores((a / 4).tolist(), (b / 4).tolist(), apis)})["rouge.L"]
    assert (contrast.a, contrast.b) == pytest.approx((a.mean(), b.mean()))
    assert contrast.difference.value == pytest.approx((b - a).mean())
    assert contrast.minimum_detectable == pytest.approx(4 * share.minimum_detectable)
    assert contrast.p == share.p


def test_the_detectable_difference_is_at_the_level_of_holm_s_first_step_in_one_direction():
    apis = [str(number // 2) for number in range(120)]
    one = Scores([1.0] * 120, [1.0] * 120, apis)
    alone, shared = contrasts({"rouge.1": one}), contrasts(dict.fromkeys(("rouge.1", "rouge.2", "rouge.L"), one))
    data = pairs(one.a, one.b, apis)
    for level, made in ((0.025, alone), (0.025 / 3, shared)):
        assert made["rouge.1"].minimum_detectable == minimum_detectable(data, level)
        assert made["rouge.1"].minimum_detectable_apis == minimum_detectable(data, level, loss="apis")
    assert alone["rouge.1"].minimum_detectable < shared["rouge.1"].minimum_detectable
    assert alone["rouge.1"].largest == 1.0


@pytest.mark.parametrize("sign", [-1, 1], ids=["a fall", "a rise"])
def test_the_minimum_detectable_difference_has_80_percent_power_in_both_directions(sign):
    """Simulated without the code under test: one run is chosen to be worse and loses right answers one by one."""
    draw = np.random.default_rng(7)
    apis = draw.integers(0, 120, 300)
    before, after = (draw.random(120)[apis] < draw.random(300) for _ in range(2))
    one = Scores(before.astype(float).tolist(), after.astype(float).tolist(), apis.astype(str).tolist())
    metrics = 5
    names = ("ast.exact", "ast.domain", "ast.gorilla", "exec.rate", "exec.call")
    drop = contrasts(dict.fromkeys(names, one))["ast.exact"].minimum_detectable
    rate = drop * 300 / ((before.sum() + after.sum()) / 2)
    _, place = np.unique(apis, return_inverse=True)
    members = [np.flatnonzero(place == at) for at in range(place.max() + 1)]
    totals = np.zeros((1_000, len(members)), dtype=int)
    for trial in range(1_000):
        for slot, at in enumerate(draw.integers(0, len(members), len(members))):
            better, worse = (before, after) if draw.random() < 0.5 else (after, before)
            lost = worse[members[at]] & (draw.random(len(members[at])) < rate)
            fall = better[members[at]].astype(int) - worse[members[at]] + lost
            totals[trial, slot] = sign * fall.sum()
    chances = 2 * np.minimum(exact_tails(totals), exact_tails(-totals))
    assert (chances <= 0.05 / metrics).mean() == pytest.approx(0.80, abs=0.04)


def test_equal_runs_have_p_values_of_one():
    one = Scores([1.0, 0.0, 1.0], [1.0, 0.0, 1.0], ["x", "y", "y"])
    (contrast,) = contrasts({"ast.exact": one}).values()
    assert (contrast.p, contrast.p_adjusted, contrast.mcnemar) == (1, 1, 1)


def test_no_scores_have_no_contrasts():
    assert contrasts({}) == {}


@pytest.fixture
def fallen(tmp_path, mini):
    """Two runs: the second one answers the questions about six of the first 24 items' APIs with prose."""
    right = {item.id: item.reference_call for item in mini.items[:24]}
    lost = sorted({item.api for item in mini.items[:24]})[:6]
    prose = {item.id: "I do not know." for item in mini.items[:24] if item.api in lost}
    return make_run(tmp_path, mini, "a", right), make_run(tmp_path, mini, "b", right | prose), len(prose)


def test_the_json_has_the_same_keys_as_the_gate_s(fallen, compared):
    a, b, lost = fallen
    result, _ = compared(a, b)
    exact = result["metrics"]["ast.exact"]
    assert exact["p"] == pytest.approx(2 / 2**6)
    assert exact["mcnemar"] == pytest.approx(2 / 2**lost)
    assert result["metrics"]["rouge.1"]["mcnemar"] is None
    assert set(exact) == {
        "a", "b", "difference", "low", "high", "n", "apis", "effective_apis", "p", "p_adjusted", "mcnemar",
        "minimum_detectable", "minimum_detectable_apis",
    }  # fmt: skip


def test_people_see_both_p_values_and_the_minimum_detectable_difference(fallen, compared, capsys):
    a, b, _ = fallen
    result, _ = compared(a, b)
    assert main(["compare", str(a), str(b)]) == 0
    shown = capsys.readouterr().out
    rows = {row[0]: row for line in shown.splitlines() if "│" in line and (row := line.replace("│", " ").split())}
    exact = result["metrics"]["ast.exact"]
    largest = f">{(exact['a'] + exact['b']) / 2:.3g}"
    least = [exact[name] for name in ("minimum_detectable", "minimum_detectable_apis")]
    assert rows["ast.exact"][6:] == [
        f"{exact['p']:.2g}",
        f"{exact['p_adjusted']:.2g}",
        *(largest if value is None else f"{value:.3g}" for value in least),
        "24",
        f"{exact['effective_apis']:.1f}",
    ]
