"""Ranks by significance: what they promise of every pair of runs, and which runs they are over."""

from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from apigauge.reports.ranking import groups, rank
from apigauge.reports.tables import Page


@st.composite
def apart(draw, most=12):
    """How many runs, and which pairs of them can be told apart."""
    count = draw(st.integers(1, most))
    pairs = list(combinations(range(count), 2))
    return count, set(draw(st.lists(st.sampled_from(pairs), unique=True))) if pairs else set()


def check(count, pairs, grouped):
    members = [set(group) for group in grouped]
    for a, b in combinations(range(count), 2):
        assert any({a, b} <= group for group in members) == ((a, b) not in pairs)
    assert set().union(*members) == set(range(count))
    for group in members:
        others = set(range(count)) - group
        assert all(any((min(a, b), max(a, b)) in pairs for b in group) for a in others), "a group is maximal"
    assert list(grouped) == sorted(grouped)


@given(apart())
def test_runs_share_a_rank_if_and_only_if_they_cannot_be_told_apart(case):
    count, pairs = case
    check(count, pairs, groups(count, lambda a, b: (a, b) in pairs))


@pytest.mark.parametrize("count", range(1, 6))
def test_so_it_is_for_every_outcome_of_the_tests_of_up_to_five_runs(count):
    every = list(combinations(range(count), 2))
    for bits in range(2 ** len(every)):
        pairs = {pair for at, pair in enumerate(every) if bits >> at & 1}
        check(count, pairs, groups(count, lambda a, b, pairs=pairs: (a, b) in pairs))


def test_where_distant_means_differ_all_maximal_groups_are_there():
    means = [9, 8, 7, 5, 4, 1]
    grouped = groups(6, lambda a, b: means[a] - means[b] > 3)
    assert grouped == ((0, 1, 2), (1, 2, 3), (2, 3, 4), (4, 5))


def test_many_pairs_apart_make_few_ranks():
    """Of the 2 ** 20 maximal groups of forty runs in pairs that differ, as many as are needed to hold every other pair."""
    pairs = {(at, at + 1) for at in range(0, 40, 2)}
    grouped = groups(40, lambda a, b: (a, b) in pairs)
    check(40, pairs, grouped)
    assert len(grouped) < 300


def pages_of(run, item, scores, **changes):
    """A page for each list of scores, one question an API."""
    made = []
    for number, values in enumerate(scores):
        rows = tuple(item(at, metrics={"ast.exact": value}, api=f"api {at}") for at, value in enumerate(values))
        view = run(f"run-{number}", {"ast.exact": float(np.mean(values))}, rows=rows, **changes)
        made.append(Page(view, f"run-{number}", f"run {number}"))
    return made


def test_ranks_are_printed_as_spans(run, item):
    right = [[1.0] * 40 + [0.0] * 20, [1.0] * 50 + [0.0] * 10, [1.0] * 57 + [0.0] * 3]
    pages = pages_of(run, item, right)
    ranking = rank(pages)["ast.exact"]
    assert [page.title for page in ranking.pages] == ["run 2", "run 1", "run 0"]
    # 7, 10 and 17 answers apart: 2 / 2 ** 7, 2 / 2 ** 10, 2 / 2 ** 17.
    assert [one.p for one in ranking.contrasts] == [2 / 2**7, 2 / 2**17, 2 / 2**10]
    assert [one.p_adjusted for one in ranking.contrasts] == [2 / 2**7, 3 * 2 / 2**17, 2 * 2 / 2**10]
    assert [ranking.text(page) for page in pages] == ["3", "2", "1"]
    shorter = rank(pages_of(run, item, [right[0], right[1], [1.0] * 52 + [0.0] * 8]))["ast.exact"]
    assert [shorter.text(page) for page in shorter.pages] == ["1", "1", "2"]
    middle = rank(pages_of(run, item, [right[0], [1.0] * 45 + [0.0] * 15, right[1]]))["ast.exact"]
    assert [middle.text(page) for page in middle.pages] == ["1", "1\u20132", "2"]


def test_partial_runs_other_data_lost_questions_and_withheld_metrics_are_not_ranked(run, item):
    scores = [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, 1.0]]
    usual = pages_of(run, item, scores)
    for changes in ({"items": 12}, {"digest": "another"}, {"withheld": ["ast.exact"]}):
        odd = pages_of(run, item, scores[:1], **changes)[0]
        pages = [*usual, Page(odd.run, "odd", "odd")]
        ranking = rank(pages)["ast.exact"]
        assert ranking.text(pages[-1]) == ""
        assert len(ranking.contrasts) == 3
    assert rank(usual[:1]) == {}


def test_the_order_of_runs_changes_nothing(run, item):
    rng = np.random.default_rng(5)
    pages = pages_of(run, item, rng.integers(0, 2, (6, 50)).astype(float).tolist())
    assert rank(pages) == rank(pages[::-1]) == rank([*pages[3:], *pages[:3]])


def test_a_metric_in_which_small_values_are_good_is_ranked_from_the_smallest_on(run, item):
    pages = []
    for number, wrong in enumerate((30, 1)):
        values = [1.0] * wrong + [0.0] * (40 - wrong)
        rows = tuple(item(at, metrics={"hallucination": value}, api=str(at)) for at, value in enumerate(values))
        pages.append(Page(run(str(number), {"hallucination": wrong / 40}, rows=rows), str(number), str(number)))
    ranking = rank(pages)["hallucination"]
    assert [page.title for page in ranking.pages] == ["1", "0"]
    assert ranking.contrasts[0].difference == pytest.approx(29 / 40)
    assert ranking.text(pages[0]) == "2"


def test_answers_without_the_metric_are_left_out_of_their_pairs_only(run, item):
    pages = pages_of(run, item, [[1.0, 1.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0], [0.0, 1.0, 0.0, 0.0]])
    del pages[1].run.rows[0].metrics["ast.exact"]
    pages[1] = replace(pages[1], run=replace(pages[1].run))
    ranking = rank(pages)["ast.exact"]
    by_titles = {(ranking.pages[one.a].title, ranking.pages[one.b].title): one for one in ranking.contrasts}
    assert by_titles["run 0", "run 1"].n == 3
    assert by_titles["run 0", "run 1"].difference == pytest.approx(-1 / 3)
    assert by_titles["run 0", "run 2"].n == 4
