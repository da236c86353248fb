"""The gate's statistical tests: against reference implementations, and by simulation on released answers."""

import itertools

import numpy as np
import pytest

from apigauge.benchmarks import load_benchmark
from apigauge.harness.extraction.extract import extract
from apigauge.harness.metrics.ast_match import make
from apigauge.harness.statistics import significance
from apigauge.harness.statistics.power import exact
from apigauge.harness.statistics.significance import differ, holm, mcnemar, pairs, worse

DRAWS = 2_000


def tables():
    draw = np.random.default_rng(1)
    for _ in range(100):
        count = int(draw.integers(1, 60))
        before, after = (draw.random(count) < draw.random() for _ in range(2))
        yield before.astype(float), after.astype(float), draw.integers(0, count, count).astype(str)


def test_mcnemar_is_statsmodels():
    from statsmodels.stats.contingency_tables import mcnemar as reference

    for before, after, _ in tables():
        lost, won = int((before > after).sum()), int((before < after).sum())
        two_sided = reference([[0, lost], [won, 0]], exact=True).pvalue
        # Their test is two-sided: twice the smaller tail, at most 1.
        smaller = min(mcnemar(lost, won), mcnemar(won, lost))
        assert min(1.0, 2 * smaller) == pytest.approx(float(two_sided), abs=1e-9)


def test_holm_is_statsmodels():
    from statsmodels.stats.multitest import multipletests

    draw = np.random.default_rng(2)
    for _ in range(100):
        values = draw.random(int(draw.integers(1, 12))) ** 3
        assert holm(values.tolist()) == pytest.approx(list(multipletests(values, method="holm")[1]), abs=1e-9)


def test_where_each_api_has_one_question_the_test_is_mcnemar_s():
    for before, after, _ in tables():
        data = pairs(before, after, [str(at) for at in range(len(before))])
        assert worse(data) == pytest.approx(mcnemar(*data.discordant), abs=1e-12)


def test_the_exact_p_value_is_that_of_enumerating_all_signs():
    draw = np.random.default_rng(3)
    for _ in range(60):
        count = int(draw.integers(1, 25))
        before, after = (draw.integers(0, 2, count) for _ in range(2))
        data = pairs(before, after, draw.integers(0, 6, count).astype(str))
        totals = data.after - data.before
        as_low = [np.dot(signs, totals) <= totals.sum() for signs in itertools.product((-1, 1), repeat=len(totals))]
        assert worse(data) == pytest.approx(np.mean(as_low), abs=1e-12)


def test_scores_between_0_and_1_are_tested_by_all_signs_too():
    draw = np.random.default_rng(4)
    signs = np.array(list(itertools.product((-1, 1), repeat=12)))
    for drop in (0.0, 0.05, 0.2):
        before = draw.random(12)
        data = pairs(before, before - draw.normal(drop, 0.1, 12), [str(at) for at in range(12)])
        totals = data.after - data.before
        as_low, as_high = ((side * (signs @ totals - totals.sum()) <= 1e-12).mean() for side in (1, -1))
        # Totals are rounded to 1/100,000 of their sum, which may move the observed sum past a few of the 4,096.
        assert worse(data) == pytest.approx(as_low, abs=3 / 4_096)
        assert differ(data) == pytest.approx(min(1, 2 * min(as_low, as_high)), abs=6 / 4_096)


def test_a_p_value_is_as_small_as_the_number_of_apis_allows():
    apis = [str(at) for at in range(200)]
    before = np.linspace(0.5, 0.9, 200)
    assert worse(pairs(before, before - 0.3, apis)) == pytest.approx(0.5**200)
    assert worse(pairs(before, before * 0.7, apis)) < 1e-50
    assert worse(pairs([1.0] * 200, [0.0] * 200, apis)) == pytest.approx(0.5**200)


def test_quarters_and_thirds_are_whole_numbers_of_a_unit_so_that_ties_count():
    """Two APIs fall by 1/3 and one rises by 2/3: of the 8 sign patterns 5 have a sum of 0 or lower."""
    data = pairs([1, 1, 0], [2 / 3, 2 / 3, 2 / 3], ["a", "b", "c"])
    assert worse(data) == pytest.approx(5 / 8)


@pytest.fixture(scope="module")
def released(data_dir):
    """Zeros and ones of two released files of answers, and the API of each question."""
    from apigauge.harness.generation.backends import open_generator

    benchmark = load_benchmark("apibench-torchhub", data_dir)
    metric = make(benchmark)

    def scores(name):
        file = data_dir / "responses" / f"response_torchhub_Gorilla_{name}.jsonl"
        made = open_generator(f"replay:{file}").generate(benchmark, benchmark.items, ())
        texts = {completion.item: completion.text for completion in made}
        return np.array([metric(item, extract(texts[item.id])).metrics["ast.exact"] for item in benchmark.items])

    return scores("FT_oracle"), scores("FT_bm25"), np.array([i.api for i in benchmark.items])


@pytest.mark.apibench
def test_under_the_null_hypothesis_at_most_one_in_twenty_is_a_regression(released):
    """APIs are drawn with replacement, and the two runs are swapped at random in each: the null hypothesis holds."""
    before, after, apis = released
    data = pairs(before, after, apis)
    draw = np.random.default_rng(5)
    drawn = draw.integers(0, len(data.counts), (DRAWS, len(data.counts)))
    signs = draw.integers(0, 2, drawn.shape) * 2 - 1
    differences = np.rint(data.after - data.before).astype(int)
    assert (np.abs(differences) > 1).any(), "answers about one API stand or fall together in this data"
    rate = (exact(differences[drawn] * signs) <= significance.ALPHA).mean()
    assert rate <= 0.05 + 2 * (0.05 * 0.95 / DRAWS) ** 0.5
    assert rate >= 0.01


@pytest.mark.apibench
def test_a_run_against_a_copy_drawn_from_itself_is_a_regression_in_at_most_one_of_twenty(released):
    """In the copy each answer is right or wrong as a random answer about the same API is."""
    _, after, apis = released
    _, place = np.unique(apis, return_inverse=True)
    members = [np.flatnonzero(place == at) for at in range(place.max() + 1)]
    draw = np.random.default_rng(6)
    totals = np.zeros((DRAWS, len(members)), dtype=int)
    for at, group in enumerate(members):
        copies = draw.choice(after[group], (DRAWS, len(group)))
        others = draw.choice(after[group], (DRAWS, len(group)))
        totals[:, at] = (copies - others).sum(axis=1)
    assert (exact(totals) <= significance.ALPHA).mean() <= 0.05 + 2 * (0.05 * 0.95 / DRAWS) ** 0.5


def test_mcnemar_s_test_raises_false_alarms_for_clustered_answers():
    """So it does not decide. Each API's ten answers are all right or all wrong, in either run."""
    draw = np.random.default_rng(7)
    alarms = {"flips": 0, "mcnemar": 0}
    for _ in range(300):
        before, after = (np.repeat(draw.integers(0, 2, 30), 10) for _ in range(2))
        data = pairs(before, after, np.repeat(np.arange(30), 10).astype(str))
        alarms["flips"] += worse(data) <= 0.05
        alarms["mcnemar"] += mcnemar(*data.discordant) <= 0.05
    assert alarms["flips"] <= 25
    assert alarms["mcnemar"] >= 60
