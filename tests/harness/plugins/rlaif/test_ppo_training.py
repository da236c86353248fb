"""Whole steps against a reference in float64, and tasks whose optimum is known."""

import io
import json
import math
import random

import numpy as np
import pytest
import torch
from ppo_references import gae, mean, tokens_of, whitened
from rich.console import Console
from tiny_checkpoints import save_words
from transformers import AutoModelForCausalLM

from apigauge.errors import UsageError
from apigauge.harness.generation.checkpoint import find
from apigauge.harness.generation.hf import HF
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Request
from apigauge.harness.plugins.rlaif import ppo
from apigauge.harness.plugins.rlaif.logs import Sample, shown
from apigauge.harness.plugins.rlaif.options import TrainOptions
from apigauge.harness.plugins.rlaif.policy import Policy

WORDS = list("abcdefgh")


def rows(out):
    return [json.loads(line) for line in (out / "metrics.jsonl").read_text().splitlines()]


def test_a_bandit_is_solved(tmp_path):
    """One of eight answers is worth 1."""
    start = save_words(tmp_path / "start", WORDS)
    options = TrainOptions(
        steps=20,
        batch=32,
        max_new_tokens=1,
        learning_rate=3e-3,
        kl_coefficient=0.0,
        kl_target=None,
        device="cpu",
    )
    ppo.train(
        str(start),
        ["a"],
        lambda completions: [float(text == "d") for _, text in completions],
        tmp_path / "out",
        options,
    )
    rewards = [row["reward"] for row in rows(tmp_path / "out")]
    assert rewards[0] < 0.5
    assert sum(rewards[-5:]) / 5 >= 0.95


@pytest.mark.slow
def test_copying_is_learnt_and_generalises_to_new_prompts(tmp_path):
    """Three tokens, of eight; each in its place is worth a third."""
    start = save_words(tmp_path / "start", WORDS)
    prompts = [f"{a} {b} {c}" for a in WORDS for b in WORDS for c in WORDS]
    random.Random(0).shuffle(prompts)
    questions, held = prompts[:400], prompts[400:]

    def score(completions):
        return [
            sum(a == b for a, b in zip(questions[number].split(), text.split(), strict=False)) / 3
            for number, text in completions
        ]

    options = TrainOptions(
        steps=70,
        batch=128,
        minibatch=128,
        microbatch=128,
        max_new_tokens=3,
        learning_rate=2e-3,
        kl_coefficient=0.0,
        kl_target=None,
        device="cpu",
    )
    trained = ppo.train(str(start), questions, score, tmp_path / "out", options)
    rewards = [row["reward"] for row in rows(tmp_path / "out")]
    assert rewards[0] < 0.2
    assert sum(rewards[-5:]) / 5 >= 0.95
    # The harness's own backend answers with what was saved.
    model = HF(find(str(trained)), None, ModelOptions(sampling=Sampling(max_new_tokens=3), device="cpu"))
    requests = [Request(prompt, 0, prompt, 0) for prompt in held]
    right = [request.prompt.split() == answer.text.split() for request, answer in model.answer(requests, "")]
    assert sum(right) / len(right) >= 0.9


def test_the_penalty_keeps_the_policy_near_its_start(tmp_path):
    """The optimum is known: start times exp(score / coefficient), normalised (Ziegler, section 2.1)."""
    start = save_words(tmp_path / "start", WORDS)
    options = TrainOptions(
        steps=50,
        batch=256,
        minibatch=256,
        microbatch=256,
        max_new_tokens=1,
        learning_rate=1e-3,
        kl_coefficient=0.5,
        kl_target=None,
        device="cpu",
    )
    trained = ppo.train(
        str(start),
        ["a"],
        lambda completions: [float(text == "d") for _, text in completions],
        tmp_path / "out",
        options,
    )
    before, after = (
        torch.softmax(AutoModelForCausalLM.from_pretrained(folder)(torch.tensor([[1]])).logits[0, -1], dim=-1)
        for folder in (start, trained)
    )
    wanted = before * torch.where(torch.arange(9) == WORDS.index("d") + 1, math.exp(1 / 0.5), 1.0)
    wanted /= wanted.sum()
    assert 0.3 < wanted.max() < 0.7
    torch.testing.assert_close(after, wanted, rtol=0, atol=0.04)


STEP = TrainOptions(
    steps=100,
    batch=12,
    epochs=1,
    minibatch=12,
    microbatch=5,
    max_new_tokens=5,
    temperature=0.8,
    learning_rate=3e-3,
    warmup=0,
    max_gradient=1e9,
    gamma=0.97,
    lam=0.9,
    kl_coefficient=0.7,
    value_clip=0.05,
    value_weight=0.6,
    missing_end=-1.5,
    device="cpu",
)
PROMPTS = ["a b c", "d", "e f", "g g g g"]


def worth(completions):
    return [0.3 * number + 0.2 * len(text.split()) + text.count("b") for number, text in completions]


def step(folder):
    """What the third step of a training tells, and what a reference in float64 says of it."""
    drawn = []

    def score(completions):
        drawn[:] = completions
        return worth(completions)

    trainer = ppo.Trainer(Policy(find(str(folder)), STEP), PROMPTS, score, STEP)
    trainer.train_step()
    trainer.train_step()
    policy = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
    policy.load_state_dict({name: one.double() for name, one in trainer.policy._model.state_dict().items()})
    head = torch.nn.Linear(64, 1, dtype=torch.float64)
    head.load_state_dict({name: one.double() for name, one in trainer.policy.head.state_dict().items()})
    coefficient = trainer.coefficient
    numbers, _ = trainer.train_step()
    start = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float64)
    return numbers, reference(policy, head, start, drawn, coefficient)


def token_by_token(model, prompt, answer):
    """Log-probabilities and last states before each token of one answer, from one forward pass for each token."""
    log_p, states = [], []
    ids = [WORDS.index(word) + 1 for word in prompt.split()]
    for token in answer:
        output = model(torch.tensor([ids]), output_hidden_states=True)
        log_p.append(torch.log_softmax(output.logits[0, -1] / 0.8, dim=-1))
        states.append(output.hidden_states[-1][0, -1])
        ids.append(token)
    return torch.stack(log_p), torch.stack(states)


def reference(policy, head, start, completions, coefficient):
    """A step, answer by answer; its gradient by automatic differentiation of the loss as the papers write it."""
    answers = []
    for _, text in completions:
        tokens = [WORDS.index(word) + 1 for word in text.split()]
        answers.append(tokens if len(tokens) == 5 else [*tokens, 0])
    mask = np.array([[t < len(answer) for t in range(5)] for answer in answers])
    rewards, values = np.zeros((2, *mask.shape))
    ours, kl, entropy = [], 0.0, []
    scores = worth(completions)
    for row, ((number, _), answer) in enumerate(zip(completions, answers, strict=True)):
        log_p, states = token_by_token(policy, PROMPTS[number], answer)
        log_q, _ = token_by_token(start, PROMPTS[number], answer)
        value = head(states)[:, 0]
        ours.append((log_p, value))
        for t, token in enumerate(answer):
            rewards[row, t] = -coefficient * (log_p[t, token] - log_q[t, token]).item()
            values[row, t] = value[t].item()
            kl += (log_p[t].exp() * (log_p[t] - log_q[t])).sum().item()
            entropy.append(-(log_p[t].exp() * log_p[t]).sum().item())
        rewards[row, len(answer) - 1] += scores[row] if answer[-1] == 0 else -1.5
    advantage = gae(rewards, values, mask, 0.97, 0.9)
    returns = advantage + values
    gains = whitened(advantage, mask)
    # Where nothing has moved yet, ratios are 1, no clip binds, and a ratio's gradient is that of its logarithm.
    loss = 0.0
    for row, t in tokens_of(mask):
        log_p, value = ours[row]
        loss = loss - gains[row, t] * log_p[t, answers[row][t]] + 0.6 * (value[t] - returns[row, t]) ** 2 / 2
    gradient = torch.autograd.grad(loss / mask.sum(), [*policy.parameters(), *head.parameters()])
    return {
        "reward": math.fsum(scores) / len(scores),
        "kl": kl / len(completions),
        "entropy": math.fsum(entropy) / len(entropy),
        "length": mask.sum() / len(completions),
        "ended": sum(answer[-1] == 0 for answer in answers) / len(completions),
        "kl_coefficient": coefficient,
        "value_loss": mean((returns - values) ** 2 / 2, mask),
        "gradient": math.sqrt(sum((one**2).sum().item() for one in gradient)),
        "clip_fraction": 0.0,
    }


def check_step(folder):
    numbers, expected = step(folder)
    assert 0 < numbers["ended"] < 1
    assert numbers["kl"] > 0.01
    assert {name: numbers[name] for name in expected} == pytest.approx(expected, rel=2e-4, abs=1e-6)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return save_words(tmp_path_factory.mktemp("words") / "model", WORDS)


def test_a_step_agrees_with_a_reference_in_float64(folder):
    """Its gradient too, which is the microbatches' together and nothing is left out of."""
    check_step(folder)


ORIGINAL = {name: getattr(ppo, name) for name in ("advantages", "policy_loss", "token_rewards", "value_loss", "whiten")}


def unmasked(name, at):
    return lambda *given: ORIGINAL[name](*given[:at], torch.ones_like(given[at]), *given[at + 1 :])


PLANTED = {
    "sign of the advantage": ("policy_loss", lambda new, old, gain, *rest: ORIGINAL["policy_loss"](new, old, -gain, *rest)),
    "no mask in the policy loss": ("policy_loss", unmasked("policy_loss", 3)),
    "no mask in the value loss": ("value_loss", unmasked("value_loss", 3)),
    "no mask in the advantages": ("advantages", unmasked("advantages", 2)),
    "no mask in whitening": ("whiten", unmasked("whiten", 1)),
    "no mask in the rewards": ("token_rewards", unmasked("token_rewards", 3)),
    "values one late": (
        "advantages",
        lambda rewards, values, *rest: ORIGINAL["advantages"](rewards, torch.roll(values, 1, dims=1), *rest),
    ),
    "values one early": (
        "advantages",
        lambda rewards, values, *rest: ORIGINAL["advantages"](rewards, torch.roll(values, -1, dims=1), *rest),
    ),
    "the penalty the wrong way round": (
        "token_rewards",
        lambda scores, new, start, *rest: ORIGINAL["token_rewards"](scores, start, new, *rest),
    ),
}  # fmt: skip


@pytest.mark.parametrize("bug", PLANTED)
def test_a_bug_planted_in_a_step_is_caught_by_the_reference(folder, monkeypatch, bug):
    monkeypatch.setattr(ppo, *PLANTED[bug])
    with pytest.raises(AssertionError):
        check_step(folder)


def learnt(folder, **options):
    """The weights after two steps, and what the second one told."""
    given = TrainOptions(
        **{"steps": 9, "batch": 8, "max_new_tokens": 4, "learning_rate": 1e-3, "device": "cpu"} | options
    )
    trainer = ppo.Trainer(Policy(find(str(folder)), given), PROMPTS, worth, given)
    trainer.train_step()
    numbers, _ = trainer.train_step()
    return trainer, numbers


def test_microbatches_add_up_to_their_minibatch(folder):
    whole, parts = (learnt(folder, minibatch=8, microbatch=size, epochs=2)[0] for size in (8, 3))
    for actual, expected in zip(parts.parameters, whole.parameters, strict=True):
        torch.testing.assert_close(actual, expected, rtol=0, atol=2e-5)


def test_epochs_end_when_the_policy_has_moved_far_enough(folder):
    assert learnt(folder, minibatch=4, epochs=3)[1]["updates"] == 6
    assert learnt(folder, minibatch=4, epochs=3, stop_kl=1e-9)[1]["updates"] == 2


def test_the_coefficient_adapts_to_the_kl_of_the_step(folder):
    trainer, numbers = learnt(folder, kl_coefficient=0.1, kl_target=3.0)
    first = 0.1 * 0.98  # of the first step, which has no KL
    assert numbers["kl_coefficient"] == pytest.approx(first)
    expected = first * (1 + 0.1 * min(max(numbers["kl"] / 3 - 1, -0.2), 0.2))
    assert trainer.coefficient == pytest.approx(expected)


def test_every_prompt_is_used_once_before_any_is_used_again(folder):
    options = TrainOptions(steps=9, batch=3, max_new_tokens=2, device="cpu")
    numbers = []

    def score(completions):
        numbers.extend(number for number, _ in completions)
        return [0.0] * len(completions)

    trainer = ppo.Trainer(Policy(find(str(folder)), options), PROMPTS, score, options)
    for _ in range(4):
        trainer.train_step()
    assert [sorted(numbers[at : at + 4]) for at in (0, 4, 8)] == [[0, 1, 2, 3]] * 3


def test_adapters_are_learnt_and_weights_are_not(folder):
    options = TrainOptions(steps=9, batch=8, max_new_tokens=4, learning_rate=1e-2, lora=4, device="cpu")
    trainer = ppo.Trainer(Policy(find(str(folder)), options), PROMPTS, worth, options)
    before = {name: one.clone() for name, one in trainer.policy._model.named_parameters()}
    first, _ = trainer.train_step()
    second, _ = trainer.train_step()
    assert first["kl"] == 0
    assert second["kl"] > 0.001
    for name, one in trainer.policy._model.named_parameters():
        assert torch.equal(one, before[name]) != ("lora_" in name), name


@pytest.mark.parametrize("scores", [[1.0], [math.nan] * 8, [math.inf] * 8], ids=["too few", "nan", "infinite"])
def test_scores_that_cannot_be_learnt_from_are_refused(folder, scores):
    options = TrainOptions(steps=9, batch=8, max_new_tokens=2, device="cpu")
    trainer = ppo.Trainer(Policy(find(str(folder)), options), PROMPTS, lambda _: scores, options)
    with pytest.raises(ValueError, match="8 answers need as many finite scores"):
        trainer.train_step()


def test_a_tracker_that_is_not_installed_is_refused(folder, tmp_path):
    options = TrainOptions(steps=1, batch=2, max_new_tokens=2, device="cpu")
    with pytest.raises(UsageError, match="tracker mlflow"):
        ppo.train(str(folder), PROMPTS, worth, tmp_path / "out", options, trackers=["mlflow"])


def test_tensorboard_gets_every_number_once_and_some_answers(folder, tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    options = TrainOptions(steps=3, batch=4, max_new_tokens=2, device="cpu")
    ppo.train(str(folder), PROMPTS, worth, tmp_path / "out", options)
    events = EventAccumulator(str(tmp_path / "out" / "tensorboard")).Reload()
    for name in rows(tmp_path / "out")[0].keys() - {"step"}:
        points = [(one.step, one.value) for one in events.Scalars(name)]
        assert points == [(row["step"], pytest.approx(row[name], rel=1e-6)) for row in rows(tmp_path / "out")], name
    assert "sample/0/text_summary" in events.Tags()["tensors"]


def test_the_view_shows_numbers_and_programs():
    numbers = {"reward": 0.5, "kl": 1.25, "entropy": 2.0, "length": 17, "clip_fraction": 0.125, "kl_coefficient": 0.05}
    console = Console(width=100, record=True, file=io.StringIO())
    console.print(shown(3, 9, numbers, [Sample("ask", "torch.topk([1], k=1)  # [bold]", 0.75)]))
    text = console.export_text()
    for part in ("step 3 of 9", "0.5", "1.25", "17", "0.125", "torch.topk([1], k=1)  # [bold]", "reward 0.750"):
        assert part in text
