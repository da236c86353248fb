"""pass@k and consistency against counting every way to draw the answers."""

from itertools import combinations
from statistics import mean

import pytest

from apigauge.harness.evaluation.samples import consistency, pass_at_k, summarise_samples
from apigauge.harness.evaluation.score_rows import ScoreRows

CASES = [(n, c) for n in range(1, 8) for c in range(n + 1)]


@pytest.mark.parametrize(("answers", "right"), CASES)
def test_the_estimators_are_the_shares_of_all_draws(answers, right):
    scores = [True] * right + [False] * (answers - right)
    for k in range(1, answers + 1):
        draws = list(combinations(scores, k))
        assert pass_at_k(answers, right, k) == pytest.approx(mean(map(any, draws)))
    if answers > 1:
        pairs = list(combinations(scores, 2))
        assert consistency(answers, right) == pytest.approx(mean(a == b for a, b in pairs))


def rows(scores):
    return ScoreRows(
        {
            (item, number): {"ast.exact": score}
            for item, of_item in scores.items()
            for number, score in enumerate(of_item)
        }
    )


def test_a_question_with_too_few_answers_is_left_out_of_that_k():
    """Of a run that was stopped, or whose sandbox failed for one answer; n says over how many questions."""
    record = summarise_samples(
        rows({"a": [1.0, 0.0, 0.0], "b": [1.0, 1.0], "c": [0.0]}), ["ast.exact"], {"a": "x", "b": "y", "c": "z"}
    )
    passes = record["ast.exact"]["pass_at"]
    assert {k: (round(entry["value"], 3), entry["n"]) for k, entry in passes.items()} == {
        "1": (round((1 / 3 + 1 + 0) / 3, 3), 3),
        "2": (round((2 / 3 + 1) / 2, 3), 2),
        "3": (1.0, 1),
    }
    assert record["ast.exact"]["consistency"]["n"] == 2


def test_intervals_are_of_apis_and_not_of_questions():
    """Ten questions of two APIs tell as much as two."""
    scores = {f"{api}{number}": [value, value] for api, value in (("x", 1.0), ("y", 0.0)) for number in range(5)}
    entry = summarise_samples(rows(scores), ["ast.exact"], {item: item[0] for item in scores})["ast.exact"]["pass_at"][
        "2"
    ]
    assert (entry["n"], entry["clusters"], entry["value"]) == (10, 2, 0.5)
    assert entry["high"] - entry["low"] > 0.9


def test_there_is_nothing_to_say_of_single_answers_and_of_scores_that_are_no_yes_or_no():
    assert summarise_samples(rows({"a": [1.0], "b": [0.0]}), ["ast.exact"], {"a": "x", "b": "y"}) == {}
    assert summarise_samples(rows({"a": [1.0, 0.5]}), ["ast.exact"], {"a": "x"}) == {}
