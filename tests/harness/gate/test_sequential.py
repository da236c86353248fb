"""The group-sequential test: its boundaries, its order and, simulated on released answers, the cost of stopping early."""

import itertools
import json
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from compared_runs import lines

from apigauge.__main__ import main
from apigauge.benchmarks import load_benchmark
from apigauge.errors import RunError
from apigauge.harness.gate import interim, sequential
from apigauge.harness.gate.outcomes import read
from apigauge.harness.statistics.intervals import paired_difference
from apigauge.harness.statistics.significance import pairs, worse

MARGIN, ALPHA = 0.05, 0.05
NAMES = {
    "torchhub": ("FT_oracle", "FT_bm25", "RT_oracle"),
    "tensorflowhub": ("FT_0_shot", "FT_oracle", "RT_gpt_index"),
    "huggingface": ("FT_0_shot", "RT_oracle", "RT_0_shot"),
}


def test_the_boundaries_are_the_published_ones():
    """Five looks, one-sided 2.5 %, spent as by O'Brien and Fleming (Reboussin et al., Controlled Clinical Trials 2000)."""
    critical = sequential.boundaries((0.2, 0.4, 0.6, 0.8, 1.0), 0.025)
    assert critical == pytest.approx([4.8769, 3.3569, 2.6803, 2.2898, 2.0310], abs=0.01)


def test_under_the_null_hypothesis_the_boundaries_are_crossed_with_probability_alpha():
    times = (0.1, 0.25, 0.6, 1.0)
    critical = sequential.boundaries(times, 0.05)
    draw = np.random.default_rng(3)
    steps = draw.standard_normal((200_000, 4)) * np.sqrt(np.diff([0, *times]))
    crossing = (steps.cumsum(axis=1) / np.sqrt(times) >= critical).any(axis=1).mean()
    assert crossing == pytest.approx(0.05, abs=0.0015)


def test_exactly_a_share_alpha_of_all_draws_crosses():
    """Each draw in turn as the observed one: so the test is exact, whatever the distribution of the steps."""
    draw = np.random.default_rng(4)
    sums = (draw.standard_t(3, (5, 400)) * np.array([[3], [1], [4], [1], [5]])).cumsum(axis=0)
    times = (0.3, 0.5, 0.6, 0.8, 1.0)
    crossing = [sequential.crosses(np.roll(sums, at, axis=1), times, 0.2) for at in range(400)]
    assert sum(crossing) == 80


@pytest.mark.parametrize("losses", range(5))
def test_one_look_alone_is_the_sign_flip_test(losses):
    """Ten APIs with two answers each: enumerated, 2 ** 10 signs."""
    totals = np.array([-2] * losses + [-1] * 4 + [1] * (6 - losses), dtype=float)
    exact = np.mean([np.dot(signs, totals) <= totals.sum() for signs in itertools.product((-1, 1), repeat=10)])
    p = sequential.repeated_p(sequential.flipped(totals[None]), [1.0])
    # Of 20,000 draws: three standard errors.
    assert p == pytest.approx(exact, abs=3 * np.sqrt(exact * (1 - exact) / 20_000) + 2e-4)


@pytest.mark.apibench
@pytest.mark.parametrize("hub", NAMES)
def test_every_beginning_has_its_share_of_every_domain_and_api(hub, data_dir):
    items = load_benchmark(f"apibench-{hub}", data_dir).items
    order = sequential.order(items)
    assert sorted(item.id for item in order) == sorted(item.id for item in items)
    assert [item.id for item in sequential.order(items[::-1])] == [item.id for item in order]
    domains = Counter(item.domain for item in items)
    apis = Counter((item.domain, item.api) for item in items)
    for end in sequential.looks(len(items)):
        share = end / len(items)
        seen = Counter(item.domain for item in order[:end])
        assert all(abs(seen[domain] - count * share) <= 1 for domain, count in domains.items())
        seen_apis = Counter((item.domain, item.api) for item in order[:end])
        # Ranks within a domain shift an API's places by little.
        assert all(abs(seen_apis[api] - count * share) <= 0.05 * count + 2 for api, count in apis.items())


def test_each_question_is_early_in_one_of_ten_turns_and_then_the_order_is_new():
    items = load_benchmark("mini").items
    orders = [[item.id for item in sequential.order(items, 5, turn)] for turn in range(20)]
    assert all(sorted(order) == sorted(item.id for item in items) for order in orders)
    firsts = Counter(one for order in orders[:10] for one in order[:6])
    assert firsts.keys() == {item.id for item in items}
    assert max(firsts.values()) <= 2
    assert orders[1] == orders[0][5:] + orders[0][:5]
    assert not any(order == orders[10][at:] + orders[10][:at] for order in orders[:10] for at in range(56))
    assert sequential.order(items, 6) != sequential.order(items, 5)


def test_a_gate_draws_its_turn_once_and_its_baseline_is_the_seed(tmp_path, base):
    turns = {interim.turn_of(tmp_path / str(at)) for at in range(20)}
    assert len(turns) > 15
    assert interim.turn_of(tmp_path / "3") == interim.turn_of(tmp_path / "3")
    items, baseline = load_benchmark("mini").items, read(base)
    other = replace(baseline, manifest_sha256="0" * 64)
    assert interim.plan(items, baseline, 20).items != interim.plan(items, other, 20).items
    (tmp_path / "3" / "order.json").write_text('{"turn": "x"}')
    with pytest.raises(RunError, match="turn is missing or damaged"):
        interim.turn_of(tmp_path / "3")


def test_a_drop_in_any_third_of_the_questions_is_asked_for_in_the_end():
    """A fixed order passed it for ever: with a budget of 20 of 56, every question is asked in one of ten turns."""
    items = load_benchmark("mini").items
    last_third = {item.id for item in sequential.order(items, 5)[38:]}
    seen = [last_third & {item.id for item in sequential.order(items, 5, turn)[:20]} for turn in range(10)]
    assert set().union(*seen) == last_third
    assert sum(len(some) >= 5 for some in seen) >= 4


@pytest.mark.parametrize(("budget", "ends"), [(1, [1]), (7, [1, 2, 3, 4, 5, 6, 7]), (100, list(range(10, 101, 10)))])
def test_it_looks_ten_times_at_most_and_the_last_time_after_all(budget, ends):
    assert sequential.looks(budget) == ends


def look(before, after, end, budget, margin=MARGIN):
    ends = [one for one in sequential.looks(budget) if one <= end]
    times = [one / budget for one in sequential.looks(budget)]
    return sequential.look(before[:end], after[:end], [str(at) for at in range(end)], ends, times, margin, ALPHA)


def test_no_difference_among_few_answers_rules_nothing_out():
    same = [1.0] * 200
    few, many = look(same, same, 20, 200), look(same, same, 200, 200)
    assert look(same[:60], same[:60], 60, 60).is_ruled_out is False
    assert not few.is_ruled_out
    assert not few.is_settled
    assert many.is_ruled_out
    assert few.p == many.p == 1.0


def test_a_drop_within_the_margin_that_may_become_significant_is_not_passed_early():
    """Seven of 100 lost and none won: the interval excludes a drop of 0.3, and the test is about to find a regression."""
    before, after = [1.0] * 200, [0.0 if at % 15 == 0 else 1.0 for at in range(200)]
    result = look(before, after, 100, 200, margin=0.3)
    assert result.is_ruled_out
    assert result.p > ALPHA
    assert not result.is_settled


@pytest.fixture(scope="module")
def released(score, data_dir):
    """Zeros and ones of released files by hub, in the gate's order, and the API of each question."""
    by_hub = {}
    for hub, names in NAMES.items():
        order = sequential.order(load_benchmark(f"apibench-{hub}", data_dir).items)
        sides = []
        for name in names:
            scores = {row["item"]: row["metrics"]["ast.exact"] for row in lines(score(hub, name) / "scores.jsonl")}
            sides.append(scores)
        order = [item for item in order if all(item.id in scores for scores in sides)]
        by_hub[hub] = ([np.array([scores[i.id] for i in order]) for scores in sides], np.array([i.api for i in order]))
    return by_hub


def swapped(draw, before, after, apis):
    """Two runs swapped at random within each API: the null hypothesis holds."""
    _, place = np.unique(apis, return_inverse=True)
    swap = draw.integers(0, 2, place.max() + 1).astype(bool)[place]
    return np.where(swap, after, before), np.where(swap, before, after)


def simulated(draw, released):
    """A pair of runs of one of four kinds: few answers replaced, the null hypothesis, right answers lost, two prompts."""
    sides, apis = released[sorted(released)[draw.integers(3)]]
    before, other = (sides[at] for at in draw.integers(0, 3, 2))
    kind = draw.integers(4)
    if kind == 0:
        again = draw.random(len(before)) < draw.uniform(0, 0.05)
        after = before.copy()
        after[again] = draw.permutation(before)[again]
    elif kind == 1:
        before, after = swapped(draw, before, other, apis)
    elif kind == 2:
        after = np.where(draw.random(len(before)) < draw.uniform(0, 0.5), 0, before)
    else:
        after = other
    return before, after, apis


def stopped(before, after, apis):
    """The decision and the share of the answers used."""
    ends = sequential.looks(len(apis))
    times = [end / len(apis) for end in ends]
    for at, end in enumerate(ends, 1):
        result = sequential.look(before[:end], after[:end], apis[:end], ends[:at], times, MARGIN, ALPHA)
        if result.p <= ALPHA:
            return "regression", end / len(apis)
        if result.is_settled:
            return "pass" if result.is_ruled_out else "inconclusive", end / len(apis)
    raise AssertionError("the last look settles")


def whole(before, after, apis):
    if worse(pairs(before, after, apis)) <= ALPHA:
        return "regression"
    return "pass" if paired_difference(before, after, apis).low > -MARGIN else "inconclusive"


@pytest.mark.apibench
@pytest.mark.slow
def test_its_decision_is_that_of_all_answers_with_fewer_of_them(released):
    draw = np.random.default_rng(7)
    agreed, shares, counts = [], [], Counter()
    for _ in range(500):
        pair = simulated(draw, released)
        decision, share = stopped(*pair)
        expected = whole(*pair)
        agreed.append(decision == expected)
        shares.append(share)
        counts[expected] += 1
    print(f"agreed {np.mean(agreed):.3f}, median share {np.median(shares):.2f}, mean {np.mean(shares):.2f}, {counts}")
    assert np.mean(agreed) >= 0.95
    # Two of the three hubs have too few APIs to pass, and to know that a drop is unlikely takes longer than to rule one out.
    assert np.median(shares) <= 0.65
    assert min(counts[decision] for decision in ("pass", "inconclusive", "regression")) >= 30


@pytest.mark.apibench
@pytest.mark.parametrize("hub", NAMES)
def test_under_the_null_hypothesis_at_most_one_in_twenty_is_a_regression_at_any_look(released, hub):
    (before, after, _), apis = released[hub]
    draw = np.random.default_rng(11)
    ends = sequential.looks(len(apis))
    times = [end / len(apis) for end in ends]
    _, place = np.unique(apis, return_inverse=True)
    alarms = 0
    for _ in range(2_000):
        left, right = swapped(draw, before, after, apis)
        paths = np.stack([np.bincount(place[:end], (right - left)[:end], place.max() + 1) for end in ends])
        alarms += sequential.crosses(sequential.flipped(paths), times, ALPHA)
    print(f"{hub}: {alarms / 2_000:.4f}")
    # Two standard errors of 2,000 draws above what is allowed.
    assert alarms / 2_000 <= ALPHA + 2 * np.sqrt(ALPHA * (1 - ALPHA) / 2_000)


@pytest.fixture
def base(tmp_path, apigauge):
    """A run of mini that serves as the baseline."""
    made = apigauge("run", "--benchmark", "mini", "--model", "retrieval:bm25", "--out", tmp_path / "base", *_STATIC)
    assert made.returncode == 0, made.stderr
    return tmp_path / "base"


_STATIC = ("--sandbox", "none", "--metric", "ast.exact")


def answered(run):
    return {row["item"] for row in lines(run / "generations.jsonl")}


def test_a_worse_model_is_a_regression_before_all_questions_are_asked(base, tmp_path, capsys):
    command = ["gate", str(tmp_path / "new"), "--baseline", str(base), "--budget", "56", *_STATIC]
    assert main([*command, "--model", "constant:torch.topk(scores, k=3)", "--json"]) == 1
    result = json.loads(capsys.readouterr().out)
    assert (result["decision"], result["budget"]) == ("regression", 56)
    assert result["asked"] < 56
    order = interim.plan(load_benchmark("mini").items, read(base), 56, interim.turn_of(tmp_path / "new")).items
    assert answered(tmp_path / "new") == {item.id for item in order[: result["asked"]]}
    (metric,) = result["metrics"]
    assert metric["n"] == result["asked"]
    assert metric["difference"] < 0


def test_the_same_model_passes_and_a_second_call_answers_nothing_again(base, tmp_path, capsys):
    markdown = tmp_path / "gate.md"
    command = ["gate", str(tmp_path / "new"), "--baseline", str(base), "--budget", "56", "--sandbox", "none"]
    command += ["--model", "retrieval:bm25", "--markdown", str(markdown), "--metric", "ast.exact:0.25"]
    assert main(command) == 0
    first = capsys.readouterr().out
    took = len(answered(tmp_path / "new"))
    assert took < 56
    assert f"Decided after {took} of 56 questions." in first
    assert f"Decided after {took} of 56 questions." in markdown.read_text(encoding="utf-8")
    before = (tmp_path / "new" / "generations.jsonl").read_bytes()
    assert main(command) == 0
    assert capsys.readouterr().out == first
    assert (tmp_path / "new" / "generations.jsonl").read_bytes() == before


def test_a_budget_that_is_too_small_is_inconclusive(base, tmp_path, capsys):
    command = ["gate", str(tmp_path / "new"), "--baseline", str(base), "--budget", "8", *_STATIC]
    assert main([*command, "--model", "retrieval:bm25"]) == 3
    assert "of 8 questions" in capsys.readouterr().out
    assert len(answered(tmp_path / "new")) <= 8


def test_runs_that_cannot_be_compared_are_refused_before_a_question_is_asked(base, tmp_path, capsys):
    manifest = json.loads((base / "manifest.json").read_text(encoding="utf-8"))
    manifest["prompt_sha256"] = "other"
    (base / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    command = ["gate", str(tmp_path / "new"), "--baseline", str(base), "--budget", "56", *_STATIC]
    assert main([*command, "--model", "retrieval:bm25"]) == 4
    assert "the digest of the prompts differs" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--budget", "9"), "--budget and --model go together"),
        (("--model", "constant:f()"), "--budget and --model go together"),
        (("--budget", "9", "--model", "constant:f()", "--rescore"), "leave --rescore, --slice and --save-baseline out"),
        (("--budget", "0", "--model", "constant:f()"), "must be 1 or more"),
    ],
)
def test_options_that_exclude_each_other_are_refused(options, message, base, tmp_path, apigauge):
    made = apigauge("gate", tmp_path / "new", "--baseline", base, *options)
    assert made.returncode == 2
    assert message in made.stderr
