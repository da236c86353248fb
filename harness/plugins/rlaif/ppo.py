"""PPO for language models, top to bottom: the equations, then a step, then the training.

Sources, by the names used below:

- PPO: Schulman et al., "Proximal Policy Optimization Algorithms" (2017), arXiv 1707.06347.
- GAE: Schulman et al., "High-Dimensional Continuous Control Using Generalized Advantage Estimation" (2015), arXiv
  1506.02438.
- Ziegler: Ziegler et al., "Fine-Tuning Language Models from Human Preferences" (2019), arXiv 1909.08593.
- Stiennon: Stiennon et al., "Learning to Summarize from Human Feedback" (2020), arXiv 2009.01325.
- Huang: Huang et al., "The N+ Implementation Details of RLHF with PPO" (2024), arXiv 2403.17031.
- Schulman's note: "Approximating KL Divergence" (2020), joschu.net/blog/kl-approx.html.

Shapes: an answer is a row of tokens, right-padded; ``mask`` (answers, tokens) marks its own tokens, including the token
that ends it. The state of token t is the prompt and the tokens before t; its value is read there. The value behind an
answer's last token is 0, whether the answer ended or was truncated.

This module loads torch: import it where it is used.
"""

import math
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from apigauge.errors import ModelError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.generation.checkpoint import find
from apigauge.harness.plugins.rlaif import checkpoints
from apigauge.harness.plugins.rlaif.digests import json_digest
from apigauge.harness.plugins.rlaif.logs import Log, Sample, best_and_worst, logs
from apigauge.harness.plugins.rlaif.options import TrainOptions
from apigauge.harness.plugins.rlaif.policy import Answers, Policy
from apigauge.harness.plugins.rlaif.score import Score, scored

_STATE = "trainer.pt"


def taken(log_p: Tensor, tokens: Tensor) -> Tensor:
    """Log p of the sampled tokens, (answers, tokens), from log p of all, (answers, tokens, vocabulary)."""
    return log_p.gather(-1, tokens.unsqueeze(-1)).squeeze(-1)


def entropy(log_p: Tensor) -> Tensor:
    """H(p) = -sum p log p, (answers, tokens), from log p, (answers, tokens, vocabulary)."""
    return -(log_p.exp() * log_p).sum(dim=-1)


def kl_divergence(log_p: Tensor, log_q: Tensor) -> Tensor:
    """KL(p || q) = sum p log(p / q), (answers, tokens), from log p and log q, (answers, tokens, vocabulary).

    Summed as q - p + p log(p / q), which is the estimator k3 of Schulman's note in expectation: p and q each sum to 1,
    so the result is the same, but no term is negative, and rounding cannot make the sum negative.
    """
    p, q = log_p.exp(), log_q.exp()
    return (q - p + p * (log_p - log_q)).sum(dim=-1)


def sampled_kl(new: Tensor, old: Tensor, mask: Tensor) -> Tensor:
    """Mean KL(old || new) per token, estimated from tokens sampled from old: k3 = r - 1 - log r with r = new / old.

    Schulman's note. All arguments are (answers, tokens), the first two log-probabilities of the sampled tokens.
    """
    log_ratio = torch.where(mask, new - old, 0.0)
    return masked_mean(torch.expm1(log_ratio) - log_ratio, mask)


def masked_mean(values: Tensor, mask: Tensor) -> Tensor:
    """The mean over all tokens of all answers, (): each token has the same weight in every answer (Huang)."""
    return torch.where(mask, values, 0.0).sum() / mask.sum()


def token_rewards(scores: Tensor, new: Tensor, start: Tensor, mask: Tensor, coefficient: float) -> Tensor:
    """r_t = -coefficient (log pi(t) - log start(t)), plus the score at the last token, (answers, tokens).

    Ziegler, equation 2, with its penalty spread over the tokens that it is a sum of (Stiennon, section 3.4).

    Args:
        scores: of the answers, (answers,).
        new: log-probabilities of the sampled tokens, (answers, tokens).
        start: the same under the start's policy.
        mask: (answers, tokens).
        coefficient: penalty per nat.
    """
    rewards = torch.where(mask, -coefficient * (new - start), 0.0)
    last = (mask.sum(dim=1, keepdim=True) - 1).long()
    return rewards.scatter_add(1, last, scores.unsqueeze(1).to(rewards.dtype))


def advantages(rewards: Tensor, values: Tensor, mask: Tensor, gamma: float, lam: float) -> Tensor:
    """A_t = sum over l of (gamma lam)^l delta_{t+l}, delta_t = r_t + gamma V_{t+1} - V_t, (answers, tokens).

    GAE, equation 16. V behind an answer's last token is 0. All tensors are (answers, tokens).
    """
    result = torch.zeros_like(values)
    later = after = torch.zeros_like(values[:, 0])  # A and V of the next token
    for t in reversed(range(values.shape[1])):
        delta = rewards[:, t] + gamma * after - values[:, t]
        later = torch.where(mask[:, t], delta + gamma * lam * later, 0.0)
        after = torch.where(mask[:, t], values[:, t], 0.0)
        result[:, t] = later
    return result


def whiten(values: Tensor, mask: Tensor) -> Tensor:
    """Mean 0 and variance 1 over all tokens of all answers, 0 elsewhere, (answers, tokens) (Huang)."""
    centred = torch.where(mask, values - masked_mean(values, mask), 0.0)
    return centred * torch.rsqrt(masked_mean(centred**2, mask) + 1e-8)


def policy_loss(new: Tensor, old: Tensor, advantage: Tensor, mask: Tensor, clip: float) -> Tensor:
    """-mean min(r A, clamp(r, 1 - clip, 1 + clip) A) with r = exp(new - old), () (PPO, equation 7).

    All tensors are (answers, tokens), the first two log-probabilities of the sampled tokens.
    """
    ratio = torch.where(mask, new - old, 0.0).exp()
    return -masked_mean(torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage), mask)


def clip_fraction(new: Tensor, old: Tensor, mask: Tensor, clip: float) -> Tensor:
    """The fraction of tokens whose ratio is outside the clip range, ()."""
    return masked_mean((((new - old).exp() - 1).abs() > clip).float(), mask)


def value_loss(values: Tensor, old: Tensor, returns: Tensor, mask: Tensor, clip: float) -> Tensor:
    """Mean max((V - R)^2, (clamp(V, V_old - clip, V_old + clip) - R)^2) / 2, () (Huang). All are (answers, tokens)."""
    clipped = torch.clamp(values, old - clip, old + clip)
    return masked_mean(torch.maximum((values - returns) ** 2, (clipped - returns) ** 2), mask) / 2


def adapted(coefficient: float, kl: float, target: float) -> float:
    """The coefficient times 1 + 0.1 clamp(kl / target - 1, -0.2, 0.2) (Ziegler, section 2.2).

    Args:
        coefficient: penalty per nat in this step.
        kl: mean nats per answer in this step.
        target: nats per answer to aim at.
    """
    return coefficient * (1 + 0.1 * min(max(kl / target - 1, -0.2), 0.2))


@dataclass(frozen=True, slots=True)
class Moments:
    """Running statistics for normalising scores: number, sum and sum of squares of all scores so far."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, scores: Sequence[float]) -> "Moments":
        """The statistics with these scores included."""
        squares = math.fsum(score**2 for score in scores)
        return Moments(self.count + len(scores), self.total + math.fsum(scores), self.squares + squares)

    def normalise(self, score: float) -> float:
        """The score minus the mean, in standard deviations."""
        mean = self.total / self.count
        return (score - mean) / math.sqrt(max(self.squares / self.count - mean**2, 0.0) + 1e-8)


class Measured(NamedTuple):
    """Values of each token when its answer was drawn, (answers, tokens) each."""

    log_p: Tensor
    start: Tensor
    values: Tensor
    entropy: Tensor
    kl: Tensor


class Trainer:
    """The state of a training, and its step.

    Args:
        policy: the policy to train.
        prompts: to answer.
        score: the reward of answers.
        options: of the training.
    """

    def __init__(self, policy: Policy, prompts: Sequence[str], score: Score, options: TrainOptions) -> None:
        self.policy, self.prompts, self.score, self.options = policy, prompts, score, options
        self.encoded = policy.encode(prompts, chat=options.chat)
        self.parameters = policy.trained()
        self.optimizer = torch.optim.Adam(self.parameters, lr=options.learning_rate, eps=1e-5)  # Huang's epsilon
        self.draws = torch.Generator().manual_seed(options.seed)
        self.step, self.coefficient, self.moments = 0, options.kl_coefficient, Moments()
        self.waiting: list[int] = []  # prompts left in this pass, before all are shuffled again
        self.rewards: list[float] = []  # of the steps since the last checkpoint

    def train_step(self) -> tuple[dict[str, float], list[Sample]]:
        """Draws answers, scores them and learns from them; returns numbers and example answers for the logs."""
        o, began = self.options, time.monotonic()
        chosen = [self._next() for _ in range(o.batch)]
        uniform = torch.rand(o.batch, o.max_new_tokens, generator=self.draws)
        answers, texts = self.policy.draw([self.encoded[one] for one in chosen], uniform)
        drawn = time.monotonic()
        scores, unread = scored(self.score, [(one, text.text) for one, text in zip(chosen, texts, strict=True)])
        ended = [text.finish_reason == "stop" for text in texts]
        learnt = self._learnt(scores, ended).to(answers.ids.device)
        rated = time.monotonic()
        mask, old = answers.answered, self._measure(answers)
        rewards = token_rewards(learnt, old.log_p, old.start, mask, self.coefficient)
        advantage = advantages(rewards, old.values, mask, o.gamma, o.lam)
        returns = advantage + old.values
        learning = self._learn(answers, old, whiten(advantage, mask), returns)
        numbers = {
            "reward": sum(scores) / o.batch,
            "kl": torch.where(mask, old.kl, 0.0).sum().item() / o.batch,
            "entropy": masked_mean(old.entropy, mask).item(),
            "length": mask.sum().item() / o.batch,
            "ended": sum(ended) / o.batch,
            "kl_coefficient": self.coefficient,
            "explained_variance": 1 - _variance(returns - old.values, mask) / (_variance(returns, mask) + 1e-8),
            **learning,
            "learning_rate": o.rate_at(self.step),
            "seconds_drawing": drawn - began,
            "seconds_scoring": rated - drawn,
            "seconds_learning": time.monotonic() - rated,
            **({"unread": unread} if unread else {}),
        }
        if o.kl_target is not None:
            self.coefficient = adapted(self.coefficient, numbers["kl"], o.kl_target)
        self.step += 1
        self.rewards.append(numbers["reward"])
        drawn_answers = zip(chosen, texts, scores, strict=True)
        return numbers, best_and_worst(
            [Sample(self.prompts[one], text.text, reward) for one, text, reward in drawn_answers]
        )

    def save(self, folder: Path) -> None:
        """Writes a checkpoint."""

        def write(temporary: Path) -> None:
            self.policy.save(temporary)
            state = {
                "head": self.policy.head.state_dict(),
                "optimizer": self.optimizer.state_dict(),
                "draws": self.draws.get_state(),
                "step": self.step,
                "coefficient": self.coefficient,
                "moments": asdict(self.moments),
                "waiting": self.waiting,
            }
            torch.save(state, temporary / _STATE)

        checkpoints.save(folder, self.step, sum(self.rewards) / len(self.rewards), write)
        self.rewards = []

    def restore(self, checkpoint: Path) -> None:
        """Loads the whole state of a training from a checkpoint."""
        self.policy.restore(checkpoint)
        state = torch.load(checkpoint / _STATE, map_location="cpu", weights_only=True)
        self.policy.head.load_state_dict(state["head"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.draws.set_state(state["draws"])
        self.step, self.coefficient, self.waiting = state["step"], state["coefficient"], state["waiting"]
        self.moments = Moments(**state["moments"])

    def _next(self) -> int:
        if not self.waiting:
            self.waiting = torch.randperm(len(self.prompts), generator=self.draws).tolist()
        return self.waiting.pop()

    def _learnt(self, scores: list[float], ended: list[bool]) -> Tensor:
        """Scores to learn from, (answers,). Truncated answers get a fixed one, which teaches to end (Huang)."""
        if self.options.normalise_scores:
            self.moments = self.moments.add(scores)
            scores = [self.moments.normalise(score) for score in scores]
        missing = self.options.missing_end
        learnt = [score if end or missing is None else missing for score, end in zip(scores, ended, strict=True)]
        return torch.tensor(learnt)

    def _measure(self, answers: Answers) -> Measured:
        """Values of the answers' tokens before learning, from the same forward pass as in learning."""
        parts = []
        length = answers.answered.shape[1]
        with torch.no_grad():
            for rows in torch.split(torch.arange(len(answers.ids)), self.options.microbatch):
                part = answers.rows(rows)
                log_p, values = self.policy.read(part)
                log_q = self.policy.read_start(part)
                both = (taken(log_p, part.tokens), taken(log_q, part.tokens))
                these = Measured(*both, values, entropy(log_p), kl_divergence(log_p, log_q))
                parts.append([torch.nn.functional.pad(one, (0, length - one.shape[1])) for one in these])
        return Measured(*(torch.cat(columns) for columns in zip(*parts, strict=True)))

    def _learn(self, answers: Answers, old: Measured, advantage: Tensor, returns: Tensor) -> dict[str, float]:
        """Runs the epochs over a step's answers; returns means over its updates."""
        o, totals, done = self.options, Counter[str](), 0
        for group in self.optimizer.param_groups:
            group["lr"] = o.rate_at(self.step)
        for _ in range(o.epochs):
            minibatches = torch.split(torch.randperm(o.batch, generator=self.draws), o.minibatch)
            moved = 0.0
            for minibatch in minibatches:
                numbers = self._learn_minibatch(minibatch, answers, old, advantage, returns)
                totals.update(numbers)
                done, moved = done + 1, moved + numbers["step_kl"]
            if o.stop_kl is not None and moved / len(minibatches) > o.stop_kl:
                break
        return {name: total / done for name, total in totals.items()} | {"updates": done}

    def _learn_minibatch(
        self, chosen: Tensor, answers: Answers, old: Measured, advantage: Tensor, returns: Tensor
    ) -> dict[str, float]:
        """One optimizer step; the gradients of microbatches add up to that of the mean loss over all their tokens."""
        o, totals = self.options, Counter[str]()
        tokens = answers.answered[chosen].sum()
        for rows in torch.split(chosen, o.microbatch):
            part = answers.rows(rows)
            mask, length = part.answered, part.answered.shape[1]
            was, value, aim, gain = (one[rows, :length] for one in (old.log_p, old.values, returns, advantage))
            log_p, values = self.policy.read(part)
            new = taken(log_p, part.tokens)
            losses = {
                "policy_loss": policy_loss(new, was, gain, mask, o.clip),
                "value_loss": value_loss(values, value, aim, mask, o.value_clip),
            }
            share = mask.sum() / tokens
            torch.autograd.backward((losses["policy_loss"] + o.value_weight * losses["value_loss"]) * share)
            new = new.detach()
            measures = {"clip_fraction": clip_fraction(new, was, mask, o.clip), "step_kl": sampled_kl(new, was, mask)}
            totals.update({name: (number.detach() * share).item() for name, number in (losses | measures).items()})
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, o.max_gradient).item()
        if not math.isfinite(norm):
            raise ModelError(f"step {self.step + 1}: the gradient is {norm}; lower learning_rate and start again")
        self.optimizer.step()
        self.optimizer.zero_grad()
        return {**totals, "gradient": norm}


def train(
    start: str,
    prompts: Sequence[str],
    score: Score,
    out: Path,
    options: TrainOptions,
    trackers: Sequence[str] = (),
    saved: Callable[[Path], None] = lambda _: None,
) -> Path:
    """Trains a policy and returns its last checkpoint, which ``hf:FOLDER`` loads.

    Killed at any moment and called again with the same arguments, it resumes and ends with the same weights.

    Args:
        start: the checkpoint to start from, and to measure the KL divergence to: a folder, or an id of the hub.
        prompts: to answer; their order is part of the training.
        score: maps (prompt number, answer) pairs to rewards, one finite number for each.
        out: a folder for checkpoints, ``metrics.jsonl`` and TensorBoard's files.
        options: of the training.
        trackers: additional logs: ``wandb``, ``trackio``.
        saved: called with each checkpoint after it is written.

    Raises:
        UsageError: a prompt leaves no room for an answer, or a tracker is not installed.
        ModelError: the checkpoint cannot be used, or training diverged.
        RunError: the folder holds another training, or another process writes to it.
    """
    checkpoint, folder = find(start), out / checkpoints.FOLDER
    manifest = {
        "algorithm": "ppo",
        "start": checkpoint.describe(),
        "prompts_sha256": json_digest(list(prompts)),
        "options": options.identity(),
    }
    with run_directory.writing(out):
        last = checkpoints.begin(out, manifest)
        trainer = Trainer(Policy(checkpoint, options), prompts, score, options)
        if last:
            trainer.restore(last)
        with logs(out, trainer.step, options.steps, trackers, asdict(options)) as listening:
            _run_steps(trainer, folder, listening, saved)
        trained = checkpoints.last(folder)
        assert trained
        return trained


def _run_steps(trainer: Trainer, folder: Path, listening: Sequence[Log], saved: Callable[[Path], None]) -> None:
    while trainer.step < trainer.options.steps:
        numbers, samples = trainer.train_step()
        for log in listening:
            log(trainer.step, numbers, samples)
        if trainer.step % trainer.options.save_every == 0 or trainer.step == trainer.options.steps:
            trainer.save(folder)
            saved(folder / f"step-{trainer.step:06d}")


def _variance(values: Tensor, mask: Tensor) -> float:
    return masked_mean((values - masked_mean(values, mask)) ** 2, mask).item()
