"""Rewards of answers about which the labeler's reply cannot be read, and the reward at the start."""

import json

import pytest
from tiny_checkpoints import save_words

from apigauge.errors import ModelError
from apigauge.harness.plugins.rlaif import ppo, trl_trainers
from apigauge.harness.plugins.rlaif.options import TrainOptions
from apigauge.harness.plugins.rlaif.results import Checkpoint, check_hacking, unread
from apigauge.harness.plugins.rlaif.score import scored
from apigauge.harness.plugins.rlaif.start_reward import start_reward

PROMPTS = ["a b", "c", "d e f", "g", "h a"]
SMALL = {
    "steps": 2,
    "minibatch": 4,
    "microbatch": 4,
    "epochs": 1,
    "max_new_tokens": 3,
    "save_every": 2,
    "device": "cpu",
}
OPTIONS = TrainOptions(batch=8, learning_rate=1e-3, **SMALL)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return str(save_words(tmp_path_factory.mktemp("words") / "model", list("abcdefgh")))


def first_unread(completions):
    return [None, *(float(len(text)) for _, text in completions[1:])]


def test_an_answer_without_a_score_gets_the_mean_of_the_others():
    batch = [(0, "a"), (1, "b"), (2, "c")]
    assert scored(lambda _: [1.0, None, 4.0], batch) == ([1.0, 2.5, 4.0], 1)
    assert scored(lambda _: [1, 2, 3], batch) == ([1.0, 2.0, 3.0], 0)


def test_a_labeler_that_leaves_most_answers_without_a_score_ends_the_training():
    with pytest.raises(ModelError, match=r"2 of 3 answers have no score.*max_new_tokens in"):
        scored(lambda _: [1.0, None, None], [(0, "a"), (1, "b"), (2, "c")])
    for bad in ([1.0], [1.0, float("nan"), 2.0]):
        with pytest.raises(ValueError, match="as many finite scores"):
            scored(lambda _, bad=bad: bad, [(0, "a"), (1, "b"), (2, "c")])


@pytest.mark.parametrize("algorithm", ["ppo", "rloo"])
def test_a_training_survives_unreadable_replies_and_counts_them(folder, tmp_path, algorithm):
    """The fault: the first one ended the run, and every rerun."""
    if algorithm == "ppo":
        ppo.train(folder, PROMPTS, first_unread, tmp_path, OPTIONS)
    else:
        trl_trainers.train("rloo", folder, PROMPTS, first_unread, tmp_path, OPTIONS)
    rows = [json.loads(line) for line in (tmp_path / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["unread"] for row in rows] == [1, 1]
    assert unread(rows) == 2
    assert unread([{"step": 1}]) == 0


def test_the_start_reward_is_the_mean_over_all_training_questions(folder):
    """The fault: it was the first batch's, so that after a lucky one no reward seemed to rise."""
    seen = []

    def score(completions):
        seen.extend(completions)
        return [float(number) for number, _ in completions]

    options = TrainOptions(batch=2, **{**SMALL, "minibatch": 2})
    measured = start_reward(folder, PROMPTS, score, options)
    assert [number for number, _ in seen] == [0, 1, 2, 3, 4]
    # Of 0 to 4: mean 2, variance 2.5, standard error sqrt(2.5 / 5).
    assert measured == {"reward": 2.0, "answers": 5, "se": pytest.approx(0.5**0.5)}
    first = list(seen)
    seen.clear()
    start_reward(folder, PROMPTS, score, options)
    assert seen == first


def test_the_check_fires_from_the_true_start_where_a_lucky_first_batch_kept_it_silent():
    items = [str(at) for at in range(60)]
    apis = {item: item for item in items}
    good, bad = dict.fromkeys(items, 1.0), dict.fromkeys(items, 0.0)
    later = Checkpoint(9, 2.0, {"exec.rate": bad, "ast.exact": bad})
    for start, is_hacked in ((1.28, True), (2.5, False)):
        before = Checkpoint(0, start, {"exec.rate": good, "ast.exact": good})
        assert check_hacking(before, later, apis).is_hacked is is_hacked
