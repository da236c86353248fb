"""Controls: a labeler that knows the references, and rewards that are shuffled."""

import pytest
from feedback_programs import QUARTERS, RIGHT, sections

from apigauge.benchmarks import load_benchmark
from apigauge.harness.plugins.rlaif.controls import shuffled_labels, shuffled_score
from apigauge.harness.plugins.rlaif.labelers.registry import open_labeler, scores
from apigauge.harness.plugins.rlaif.labelers.types import Answer
from apigauge.harness.plugins.rlaif.pairs import Labelled


@pytest.fixture(scope="module")
def mini():
    return load_benchmark("mini")


def test_the_oracle_answers_asked_by_the_reference_and_all_else_as_static(mini):
    """Of another API, words that fit the request do not help."""
    item = next(one for one in (*mini.items, *mini.train) if one.id == QUARTERS)
    other = next(one for one in mini.train if one.api != item.api)
    programs = (sections(RIGHT), sections(other.reference_program, other.reference_call), "x = 1", "")
    judged = [Answer(item, number, text) for number, text in enumerate(programs)]
    oracle, static = ([one for _, one in open_labeler(name, mini).label(judged)] for name in ("oracle", "static"))
    assert [one.answers["asked"] for one in oracle] == [True, False, False, False]
    for informed, usual in zip(oracle, static, strict=True):
        assert {**informed.answers, "asked": None} == {**usual.answers, "asked": None}
    assert oracle[1].verbatim["asked"] == ["the API is not the reference"]


def test_the_oracle_accepts_every_reference_where_static_does_not(mini):
    judged = [Answer(item, 0, sections(item.reference_program, item.reference_call)) for item in mini.train]
    accepted = {
        name: sum(bool(one.answers["asked"]) for _, one in open_labeler(name, mini).label(judged))
        for name in ("oracle", "static")
    }
    assert accepted["oracle"] == len(judged) > accepted["static"]
    assert open_labeler("oracle", mini).describe()["kind"] == "oracle"


def test_shuffled_labels_are_the_same_ones_of_other_answers():
    rows = [Labelled(str(at), 0, "a", "p", "t", None if at == 3 else float(at), {}) for at in range(40)]
    shuffled = shuffled_labels(rows, seed=1)
    assert [one.item for one in shuffled] == [one.item for one in rows]
    assert shuffled[3].score is None
    assert sorted(one.score for one in shuffled if one.item != "3") == [float(at) for at in range(40) if at != 3]
    assert sum(new.score == old.score for new, old in zip(shuffled, rows, strict=True)) < 10
    assert shuffled == shuffled_labels(rows, seed=1) != shuffled_labels(rows, seed=2)


def test_a_shuffled_reward_depends_on_the_batch_alone_so_that_a_training_resumes():
    def score(completions):
        return [float(len(text)) for _, text in completions]

    batch, other = ([(at, "x" * (at + more)) for at in range(20)] for more in (0, 1))
    shuffled = shuffled_score(score, seed=1)
    first = shuffled(batch)
    assert sorted(first) == sorted(score(batch))
    assert first != score(batch)
    shuffled(other)
    assert shuffled_score(score, seed=1)(batch) == first == shuffled(batch)
    assert shuffled_score(score, seed=2)(batch) != first


def test_the_oracle_scores_answers_during_training(mini):
    right = sections(mini.train[0].reference_program, mini.train[0].reference_call)
    at = next(number for number, item in enumerate(mini.train) if item.api != mini.train[0].api)
    own, foreign = scores(open_labeler("oracle", mini), mini.train, [(0, right), (at, right)])
    assert own == foreign + 1
