"""RLOO, GRPO, DPO and rejection sampling: what they learn, and that trl's inputs and numbers are right."""

import dataclasses
import json
import math

import pytest
import torch
from tiny_checkpoints import save_words
from transformers import AutoModelForCausalLM, GPT2LMHeadModel
from trl_training import OPTIONS, PROMPTS, WORDS, first_is_d, pair, score, train

from apigauge.errors import ModelError, RunError, UsageError
from apigauge.harness.generation.checkpoint import find
from apigauge.harness.generation.hf import HF
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Request
from apigauge.harness.plugins.rlaif import trl_trainers
from apigauge.harness.plugins.rlaif.options import TrainOptions, check_options
from apigauge.harness.plugins.rlaif.policy import Policy

ONLINE = ("rloo", "grpo")
OFFLINE = ("dpo", "rejection")
ALL = (*ONLINE, *OFFLINE)
# A step is one optimizer step, so that its logged numbers are of the weights before it.
STEP = dataclasses.replace(
    OPTIONS, steps=2, minibatch=8, microbatch=8, epochs=1, save_every=1, temperature=0.8, kl_coefficient=0.3
)


@pytest.fixture(scope="module")
def start(tmp_path_factory):
    return save_words(tmp_path_factory.mktemp("words") / "start", WORDS)


def rows(out):
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("algorithm", ALL)
def test_a_preferred_token_is_learnt_and_what_is_saved_answers_with_it(start, tmp_path, algorithm):
    options = TrainOptions(
        steps=20,
        batch=32,
        epochs=2,
        minibatch=32,
        max_new_tokens=2,
        learning_rate=3e-3,
        save_every=10,
        device="cpu",
    )
    saved = []
    trained = train(algorithm, start, tmp_path / "out", options, first_is_d, saved=saved.append)
    log = rows(tmp_path / "out")
    assert [row["step"] for row in log] == ([0, 10, 20] if algorithm in OFFLINE else [*range(1, 21)])
    assert log[0]["reward"] < 0.3
    assert log[-1]["reward"] >= 0.9
    assert log[-1]["kl"] > 1
    rates = {row["step"]: row["learning_rate"] for row in log if row["step"]}
    assert rates == pytest.approx({step: options.rate_at(step - 1) for step in rates})
    assert all(math.isfinite(value) for row in log for value in row.values())
    assert saved == [trained.with_name("step-000010"), trained]
    assert json.loads((tmp_path / "out" / "training.json").read_text())["algorithm"] == algorithm
    # The harness's own backend answers with what was saved.
    model = HF(find(str(trained)), None, ModelOptions(sampling=Sampling(max_new_tokens=2), device="cpu"))
    requests = [Request(prompt, 0, prompt, 0) for prompt in PROMPTS]
    assert {answer.text.split()[0] for _, answer in model.answer(requests, "")} == {"d"}


@pytest.mark.parametrize("algorithm", ALL)
def test_adapters_are_learnt_and_merged_into_what_is_saved(start, tmp_path, algorithm):
    options = dataclasses.replace(STEP, steps=4, lora=4, learning_rate=3e-2, save_every=4)
    trained = train(algorithm, start, tmp_path / "out", options)
    assert rows(tmp_path / "out")[-1]["kl"] != 0
    before, after = (AutoModelForCausalLM.from_pretrained(folder).state_dict() for folder in (start, trained))
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed
    assert not any("wte" in name or "ln_" in name for name in changed)


def log_p(model, prompt, answer, temperature):
    """Log-probabilities before each token of one answer, computed for it alone, without padding."""
    ids = torch.tensor([prompt + answer])
    return torch.log_softmax(model(ids).logits[0, len(prompt) - 1 : -1].double() / temperature, dim=-1)


@pytest.mark.parametrize("algorithm", ONLINE)
def test_trl_reads_the_prompts_as_the_policy_does_and_its_numbers_are_those_of_the_answers(
    start, tmp_path, monkeypatch, algorithm
):
    """Entropy and KL of a step, answer by answer. Positions that count the padding before a prompt fail this."""
    drawn, scored = [], []
    generate = GPT2LMHeadModel.generate

    def spy(model, **given):
        generated = generate(model, **given)
        drawn.append((given["input_ids"], given["attention_mask"].bool(), generated))
        return generated

    def spied_score(completions):
        scored.append(completions)
        return score(completions)

    monkeypatch.setattr(GPT2LMHeadModel, "generate", spy)
    trained = train(algorithm, start, tmp_path / "out", dataclasses.replace(STEP, samples=2), spied_score)
    ids, mask, generated = drawn[1]
    policy = Policy(find(str(start)), STEP)
    encoded = policy.encode(PROMPTS, chat=False)
    numbers = [number for number, _ in scored[1]]
    prompts = [row[kept].tolist() for row, kept in zip(ids, mask, strict=True)]
    assert prompts == [encoded[number].ids for number in numbers]
    assert len({len(prompt) for prompt in prompts}) > 1, "padding is seen"
    assert [numbers.count(number) % 2 for number in numbers] == [0] * STEP.batch
    new = AutoModelForCausalLM.from_pretrained(trained.with_name("step-000001"))
    old = AutoModelForCausalLM.from_pretrained(start)
    entropy = kl = tokens = 0.0
    for prompt, row, (_, text) in zip(prompts, generated[:, ids.shape[1] :].tolist(), scored[1], strict=True):
        answer = row[: row.index(0) + 1] if 0 in row else row
        assert text.split() == [WORDS[token - 1] for token in answer if token]
        p, q = (log_p(model, prompt, answer, STEP.temperature) for model in (new, old))
        entropy -= (p.exp() * p).sum().item()
        ratio = (p - q).gather(1, torch.tensor(answer)[:, None])
        kl += (ratio if algorithm == "rloo" else torch.expm1(-ratio) + ratio).sum().item()
        tokens += len(answer)
    logged = rows(tmp_path / "out")[1]
    assert kl != 0
    assert logged["entropy"] == pytest.approx(entropy / tokens, rel=1e-4)
    assert logged["kl"] == pytest.approx(kl / STEP.batch, rel=1e-3, abs=1e-6)
    assert logged["length"] == tokens / STEP.batch
    assert logged["reward"] == pytest.approx(sum(score(scored[1])) / STEP.batch)


def test_dpo_learns_the_tokens_of_its_pairs_and_truncated_answers_have_no_end(start, tmp_path):
    """Its loss in the second step against the paper's equation 7, pair by pair."""
    pairs = [pair("a b", "d e", "c", ended=(True, False)), pair("c", "d d d d", "a b", ended=(False, True))]
    options = dataclasses.replace(STEP, batch=2, minibatch=2, microbatch=1, temperature=1.0)
    trained = trl_trainers.train("dpo", str(start), PROMPTS, score, tmp_path / "out", options, pairs=pairs)
    new = AutoModelForCausalLM.from_pretrained(trained.with_name("step-000001"))
    old = AutoModelForCausalLM.from_pretrained(start)
    losses = []
    for one in pairs:
        gains = []
        for side in one[:2]:
            prompt = [WORDS.index(word) + 1 for word in side.prompt.split()]
            answer = [WORDS.index(word) + 1 for word in side.text.split()] + [0] * side.ended
            p, q = (log_p(model, prompt, answer, 1.0) for model in (new, old))
            gains.append((p - q).gather(1, torch.tensor(answer)[:, None]).sum().item())
        losses.append(math.log1p(math.exp(-options.kl_coefficient * (gains[0] - gains[1]))))
    start_row, first, second = rows(tmp_path / "out")
    assert start_row["kl"] == pytest.approx(0, abs=1e-6)
    assert first["policy_loss"] == pytest.approx(math.log(2), rel=1e-5)
    assert abs(sum(losses) / 2 - math.log(2)) > 0.01
    assert second["policy_loss"] == pytest.approx(sum(losses) / 2, rel=1e-4)


# trl switches it off and on by the older name.
@pytest.mark.filterwarnings("ignore:`gradient_checkpointing_:FutureWarning")
@pytest.mark.parametrize("algorithm", ALL)
def test_microbatches_add_up_to_their_minibatch_and_recomputed_layers_learn_the_same(start, tmp_path, algorithm):
    ways = ({"microbatch": 4}, {"microbatch": 2}, {"microbatch": 4, "gradient_checkpointing": True})
    whole, *others = (
        AutoModelForCausalLM.from_pretrained(
            train(algorithm, start, tmp_path / str(at), dataclasses.replace(OPTIONS, steps=1, **way))
        ).state_dict()
        for at, way in enumerate(ways)
    )
    for other in others:
        for name, one in whole.items():
            torch.testing.assert_close(other[name], one, rtol=0, atol=2e-5, msg=name)


@pytest.mark.parametrize("algorithm", ONLINE)
def test_without_a_penalty_no_kl_is_logged(start, tmp_path, algorithm):
    train(algorithm, start, tmp_path / "out", dataclasses.replace(STEP, kl_coefficient=0.0))
    assert all("kl" not in row and row["kl_coefficient"] == 0 for row in rows(tmp_path / "out"))


def test_a_truncated_answer_gets_missing_end_as_its_score(start, tmp_path):
    options = dataclasses.replace(OPTIONS, missing_end=-7.0)
    source = trl_trainers._Drawn(
        Policy(find(str(start)), options), PROMPTS, lambda answers: [2.0] * len(answers), options
    )
    assert source.reward([[1, 0], [1, 1, 1, 1]], [0, 1]) == [2.0, -7.0]
    numbers, samples = source.now()
    assert numbers == {"reward": 2.0, "length": 3.0, "ended": 0.5}
    assert [sample.completion for sample in samples] == ["a"]


def test_scores_that_cannot_be_learnt_from_are_refused(start, tmp_path):
    with pytest.raises(ValueError, match="8 answers need as many finite scores"):
        train("grpo", start, tmp_path / "out", score=lambda answers: [math.nan] * len(answers))


def test_a_training_that_diverges_is_an_error(start, tmp_path):
    with pytest.raises(ModelError, match="the gradient is nan; lower learning_rate"):
        train("dpo", start, tmp_path / "out", dataclasses.replace(STEP, learning_rate=1e30, warmup=0, steps=9))


def test_rejection_sampling_learns_the_tokens_of_its_answers_alone(start, tmp_path):
    """Its loss in the second step: the mean over the answers' tokens of -log p; a truncated answer has no end."""
    answers = [pair("a b", "d e", "c").chosen, pair("c", "d d d d", "a b", ended=(False, True)).chosen]
    options = dataclasses.replace(STEP, batch=2, minibatch=2, microbatch=1, temperature=1.0)
    trained = trl_trainers.train("rejection", str(start), PROMPTS, score, tmp_path / "out", options, answers=answers)
    new = AutoModelForCausalLM.from_pretrained(trained.with_name("step-000001"))
    losses = []
    for one in answers:
        prompt = [WORDS.index(word) + 1 for word in one.prompt.split()]
        answer = [WORDS.index(word) + 1 for word in one.text.split()] + [0] * one.ended
        losses += (-log_p(new, prompt, answer, 1.0).gather(1, torch.tensor(answer)[:, None])[:, 0]).tolist()
    assert len(losses) == 7
    start_row, _, second = rows(tmp_path / "out")
    assert start_row["kl"] == pytest.approx(0, abs=1e-6)
    assert second["policy_loss"] == pytest.approx(sum(losses) / 7, rel=1e-4)


def test_rejection_sampling_without_a_score_is_refused(start, tmp_path):
    with pytest.raises(RunError, match="no answer has a score"):
        trl_trainers.train("rejection", str(start), PROMPTS, score, tmp_path / "out", OPTIONS)


def test_dpo_without_a_preference_is_refused(start, tmp_path):
    with pytest.raises(RunError, match="no two answers to a prompt have different scores"):
        trl_trainers.train("dpo", str(start), PROMPTS, score, tmp_path / "out", OPTIONS)


@pytest.mark.parametrize(
    ("algorithm", "options", "message"),
    [
        ("sppo", {}, "give one of ppo, rloo, grpo, dpo, rejection"),
        ("rejection", {"samples": 2}, "rejection has no samples"),
        ("rejection", {"minibatch": 48}, "a batch that minibatch divides"),
        ("ppo", {"samples": 2}, "ppo has no samples"),
        ("rloo", {"lam": 0.5}, "rloo has no lam"),
        ("grpo", {"value_clip": 0.5}, "grpo has no value_clip"),
        ("dpo", {"clip": 0.5}, "dpo has no clip"),
        ("dpo", {"kl_coefficient": 0.0}, "dpo's must be above 0"),
        ("rloo", {"samples": 1}, "at least 2"),
        ("rloo", {"samples": 3}, "a batch that it divides"),
        ("grpo", {"minibatch": 48}, "a batch that minibatch divides"),
        ("dpo", {"microbatch": 12}, "a minibatch that microbatch divides"),
        ("dpo", {"device": "cuda:1"}, "auto, cpu and cuda"),
    ],
)
def test_options_that_an_algorithm_does_not_use_are_refused(algorithm, options, message):
    with pytest.raises(UsageError, match=message):
        check_options(algorithm, TrainOptions(**options))


@pytest.mark.parametrize("algorithm", ["ppo", *ALL])
def test_the_defaults_are_valid_for_every_algorithm(algorithm):
    check_options(algorithm, TrainOptions())
