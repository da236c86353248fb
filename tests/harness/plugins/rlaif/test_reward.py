"""A reward model learns the quality of answers, by real training, and reads rewards at their last token."""

import dataclasses
import json
import random
import shutil
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import reward_training
import torch
from reward_training import SHORT, WORDS, labelled, worth
from safetensors.torch import load_file
from tiny_checkpoints import save_words
from transformers import AutoModelForSequenceClassification

from apigauge.errors import ModelError, RunError, UsageError
from apigauge.harness.plugins.rlaif import reward
from apigauge.harness.plugins.rlaif.pairs import Labelled, Pair, paired, split
from apigauge.harness.plugins.rlaif.reward import RewardModel, RewardOptions, reward_function

OPTIONS = RewardOptions(epochs=2, learning_rate=3e-3, device="cpu")
ANSWERS = labelled(150)
PROMPT = "d e f g"


@pytest.fixture(scope="module")
def base(tmp_path_factory):
    return str(save_words(tmp_path_factory.mktemp("words") / "base", WORDS))


@pytest.fixture(scope="module")
def trained(base, tmp_path_factory):
    out = tmp_path_factory.mktemp("trained") / "reward"
    reward.train(base, ANSWERS, out, OPTIONS)
    return out


def opened(folder):
    return RewardModel(folder, device="cpu")


def check_learnt(folder):
    """Of new answers to new prompts, the better one has the greater reward."""
    new = labelled(60, seed=2)
    rewards = opened(folder).score([(one.prompt, one.text) for one in new])
    right = [
        rewards[a] > rewards[b]
        for a in range(len(new))
        for b in range(len(new))
        if new[a].item == new[b].item and worth(new[a].text) > worth(new[b].text)
    ]
    assert len(right) > 200
    assert sum(right) / len(right) > 0.9


def test_the_better_of_two_answers_gets_the_greater_reward(trained):
    check_learnt(trained)


def test_swapped_pairs_are_caught_by_the_check(base, tmp_path, monkeypatch):
    right = reward.capped
    monkeypatch.setattr(reward, "capped", lambda *a: [Pair(one.rejected, one.chosen, one.margin) for one in right(*a)])
    reward.train(base, ANSWERS, tmp_path / "out", OPTIONS)
    with pytest.raises(AssertionError):
        check_learnt(tmp_path / "out")


def test_the_report_is_on_held_out_answers(trained):
    report = json.loads((trained / "report.json").read_text())
    pairs, ties = paired(ANSWERS)
    learnt, held = split(pairs, 0.1, OPTIONS.seed)
    assert (report["answers"], report["pairs"], report["ties"]) == (600, len(pairs), ties)
    model = opened(trained)
    held_answers = [one for one in ANSWERS if one.prompt in {pair.chosen.prompt for pair in held}]
    counts = Counter(pair.chosen.item for pair in learnt)
    assert report["learnt_pairs"] == sum(min(4, count) for count in counts.values()) < len(learnt)
    # A tenth of the 145 prompts that have answers with different scores.
    assert report["held_out"] == {"prompts": 14, "answers": len(held_answers), "pairs": len(held)}
    alone = {(one.item, one.sample): model.score([(one.prompt, one.text)])[0] for one in held_answers}
    right = [alone[a.item, a.sample] > alone[b.item, b.sample] for a, b, _ in held]
    assert report["accuracy"]["value"] == pytest.approx(sum(right) / len(held))
    assert sum(right) / len(held) > 0.9
    assert report["calibration"]["error"] < 0.15
    for name, value in (
        ("score", lambda one: worth(one.text)),
        ("exec.rate", lambda one: one.metrics["exec.rate"]),
        ("ast.exact", lambda one: one.metrics["ast.exact"]),
    ):
        expected = np.corrcoef(list(alone.values()), [value(one) for one in held_answers])[0, 1]
        assert report["correlation"][name]["pearson"] == pytest.approx(expected, abs=1e-4), name


def test_answers_without_a_score_are_counted_and_not_learnt_from(base, tmp_path):
    answers = [one if one.sample else dataclasses.replace(one, score=None) for one in labelled(40)]
    usable = [one for one in answers if one.sample]
    report = reward.train(base, answers, tmp_path / "all", SHORT)
    assert (report["answers"], report["unlabelled"]) == (160, 40)
    assert report["correlation"]["score"]["n"] == 3 / 4 * report["held_out"]["answers"]
    assert report["pairs"] == reward.train(base, usable, tmp_path / "usable", SHORT)["pairs"]
    assert weights(tmp_path / "all") == weights(tmp_path / "usable")


def test_microbatches_and_recomputed_layers_learn_the_same(base, tmp_path):
    answers = labelled(40)
    reward.train(base, answers, tmp_path / "whole", SHORT)
    whole = load_file(tmp_path / "whole/model.safetensors")
    for name, options in {"parts": {"microbatch": SHORT.batch // 4}, "again": {"gradient_checkpointing": True}}.items():
        reward.train(base, answers, tmp_path / name, dataclasses.replace(SHORT, **options))
        for key, one in load_file(tmp_path / name / "model.safetensors").items():
            torch.testing.assert_close(one, whole[key], rtol=0, atol=2e-3, msg=f"{name} {key}")
    with pytest.raises(UsageError, match="microbatch is 3: must divide batch"):
        RewardOptions(batch=16, microbatch=3)


RAGGED = [(PROMPT, ""), (PROMPT, " a"), ("d", " b a p p o c"), (PROMPT, " a" * 20), ("e e", " c")]


def check_read(folder):
    """In one batch, the rewards are what the head says of each answer's last token, alone and in float64."""
    model = AutoModelForSequenceClassification.from_pretrained(folder, dtype=torch.float64)
    expected = []
    for prompt, text in RAGGED:
        ids = [WORDS.index(word) + 1 for word in (prompt + text).split()]
        states = model.base_model(torch.tensor([ids])).last_hidden_state
        expected.append((states[0, -1] @ model.score.weight[0]).item())
    rewards = opened(folder).score(RAGGED)
    assert max(expected) - min(expected) > 0.1
    assert rewards == pytest.approx(expected, abs=1e-5)


@pytest.fixture(scope="module")
def llama(tmp_path_factory):
    folder = tmp_path_factory.mktemp("llama")
    start = save_words(folder / "base", WORDS, kind="llama")
    reward.train(str(start), ANSWERS, folder / "reward", dataclasses.replace(OPTIONS, epochs=1))
    return folder / "reward"


@pytest.mark.parametrize("kind", ["trained", "llama"])
def test_rewards_are_read_at_the_last_token_whatever_the_batch(request, kind):
    check_read(request.getfixturevalue(kind))


def test_reading_at_the_padding_is_caught_by_the_check(trained, monkeypatch):
    load = reward._load

    def wrong(checkpoint):
        model, tokenizer = load(checkpoint)
        model.config.pad_token_id = 9
        return model, tokenizer

    monkeypatch.setattr(reward, "_load", wrong)
    with pytest.raises(AssertionError):
        check_read(trained)


def test_many_answers_are_scored_as_each_alone_and_in_their_order(trained):
    model = opened(trained)
    answers = [(one.prompt, one.text) for one in ANSWERS[:100]]
    alone = [model.score([one])[0] for one in answers]
    assert model.score(answers) == pytest.approx(alone, abs=1e-5)
    assert model.score([]) == []


def test_a_prompt_that_is_too_long_loses_its_beginning(trained):
    model = opened(trained)  # with a context of 32
    text = " a p b o"
    kept = " ".join(draw.choice(WORDS) for draw in [random.Random(0)] for _ in range(28))
    expected = model.score([(kept, text)])
    assert model.score([(f"c c c {kept}", text)]) == expected
    assert model.score([(f"c c c {kept}", " p" + text)]) != expected


def test_the_reward_of_ppo_is_of_the_prompt_with_the_number(trained):
    prompts = ["d e f g", "p o n"]
    answers = [(1, " a b"), (0, " c"), (1, " c")]
    expected = opened(trained).score([(prompts[number], text) for number, text in answers])
    assert reward_function(trained, prompts, device="cpu")(answers) == expected


def weights(folder):
    return (folder / "model.safetensors").read_bytes()


@pytest.fixture(scope="module")
def short(base, tmp_path_factory):
    out = tmp_path_factory.mktemp("short") / "reward"
    reward.train(base, labelled(40), out, SHORT)
    return out


def test_the_same_seed_gives_the_same_weights(base, short, tmp_path):
    torch.rand(5)
    reward.train(base, labelled(40)[::-1], tmp_path / "again", SHORT)
    assert weights(tmp_path / "again") == weights(short)
    assert (tmp_path / "again" / "report.json").read_bytes() == (short / "report.json").read_bytes()
    reward.train(base, labelled(40), tmp_path / "other", dataclasses.replace(SHORT, seed=4))
    assert weights(tmp_path / "other") != weights(short)


def test_dropout_is_off(base, short, tmp_path):
    shutil.copytree(base, tmp_path / "base")
    config = tmp_path / "base" / "config.json"
    assert config.read_text().count('pdrop": 0.1') == 3
    config.write_text(config.read_text().replace('pdrop": 0.1', 'pdrop": 0.5'))
    reward.train(str(tmp_path / "base"), labelled(40), tmp_path / "out", SHORT)
    assert weights(tmp_path / "out") == weights(short)


def test_bfloat16_is_for_computing_and_the_weights_are_float32(base, short, tmp_path):
    reward.train(base, labelled(40), tmp_path / "out", dataclasses.replace(SHORT, bf16=True))
    rough, exact = (load_file(folder / "model.safetensors") for folder in (tmp_path / "out", short))
    for name, weights in rough.items():
        assert weights.dtype == torch.float32
        torch.testing.assert_close(weights, exact[name], rtol=0, atol=0.01)
    assert any(not torch.equal(weights, exact[name]) for name, weights in rough.items())


@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_the_margin_per_point_is_in_the_loss(base, tmp_path, margin):
    """Of equally many labels that say a is better than b by 3 and by -1, the loss is least at a difference of one margin.

    That is where log sigmoid(d - 3 margin) and log sigmoid(-d - margin) have opposite slopes: 3 margin - d = d + margin.
    """
    answers = [
        Labelled(f"{item:02}", sample, "", PROMPT if item < 36 else "e", text, score, {})
        for item in range(40)
        for sample, (text, score) in enumerate(zip((" a", " b"), ((4, 1), (2, 3))[item % 2], strict=True))
    ]
    learnt, _ = split(paired(answers)[0], 0.1, seed=0)
    assert [sum(pair.margin == by for pair in learnt) for by in (3, 1)] == [18, 18]
    options = RewardOptions(epochs=20, batch=36, learning_rate=1e-2, margin=margin, device="cpu")
    reward.train(base, answers, tmp_path / "out", options)
    a, b = opened(tmp_path / "out").score([(PROMPT, " a"), (PROMPT, " b")])
    assert a - b == pytest.approx(margin, abs=0.05)


@pytest.mark.slow
def test_killed_before_the_end_it_leaves_nothing_and_the_next_start_gives_the_same_weights(base, short, tmp_path):
    out = tmp_path / "reward"
    script = [sys.executable, reward_training.__file__, base, str(out)]
    killed = subprocess.run(script, capture_output=True, text=True, check=False)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert (killed.stdout, killed.stderr) == ("", "")
    assert not out.exists()
    assert (tmp_path / ".reward.tmp" / "training.json").exists()
    (tmp_path / ".reward.tmp" / "optimizer.pt").touch()
    reward.train(base, labelled(40), out, SHORT)
    assert {path.name for path in out.iterdir()} == {path.name for path in short.iterdir()}
    assert weights(out) == weights(short)
    assert [path.name for path in tmp_path.iterdir()] == ["reward"]


def test_called_again_with_the_same_arguments_it_does_not_train_again(base, short):
    before = (short / "model.safetensors").stat()
    report = reward.train(base, labelled(40)[::-1], short, SHORT)
    assert report == json.loads((short / "report.json").read_text())
    assert (short / "model.safetensors").stat() == before


def test_a_folder_with_another_reward_model_is_refused(base, trained, short):
    answers = labelled(40)
    worse = [dataclasses.replace(answers[0], score=0.5), *answers[1:]]
    for start, given, options, what in (
        (base, answers, dataclasses.replace(SHORT, epochs=7), "options.epochs was 1 and is 7"),
        (base, worse, SHORT, "answers_sha256"),
        (str(trained), answers, SHORT, "base.model was 'base' and is 'reward'"),
    ):
        with pytest.raises(RunError, match=what):
            reward.train(start, given, short, options)


def test_a_training_that_diverges_is_an_error_and_leaves_no_folder(base, tmp_path):
    with pytest.raises(ModelError, match="diverged"):
        reward.train(base, labelled(40), tmp_path / "out", dataclasses.replace(SHORT, learning_rate=1e38))
    assert not (tmp_path / "out").exists()


def test_a_checkpoint_that_is_no_reward_model_is_refused(base):
    with pytest.raises(ModelError, match="is GPT2LMHeadModel, not a reward model"):
        RewardModel(Path(base))


def test_damaged_weights_are_refused(base, tmp_path):
    shutil.copytree(base, tmp_path / "base")
    (tmp_path / "base" / "model.safetensors").write_bytes(b"no")
    with pytest.raises(ModelError, match="base cannot be a reward model"):
        reward.train(str(tmp_path / "base"), labelled(40), tmp_path / "out", SHORT)


def test_invalid_options_are_refused():
    wrong = [{"epochs": 0}, {"batch": -1}, {"learning_rate": 0.0}, {"pairs_per_prompt": 0}, {"held_out": 0.0}]
    for options in [*wrong, {"held_out": 1.0}, {"warmup": 1.0}, {"margin": -0.1}, {"device": "tpu"}]:
        with pytest.raises(UsageError, match=next(iter(options))):
            RewardOptions(**options)
    assert RewardOptions(pairs_per_prompt=None, margin=0).margin == 0
