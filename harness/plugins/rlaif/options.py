"""Options of the training; together with policy, prompts and scores they decide the weights."""

from collections.abc import Sequence
from dataclasses import Field, dataclass, field, fields, is_dataclass
from typing import Any

from apigauge.errors import UsageError, did_you_mean

_PPO_ALONE = ("value_clip", "value_weight", "gamma", "lam", "kl_target", "stop_kl")
# By algorithm, the options that it does not use.
_UNUSED = {
    "ppo": ("samples",),
    "rloo": (*_PPO_ALONE, "draw_batch"),
    "grpo": (*_PPO_ALONE, "draw_batch"),
    "dpo": (*_PPO_ALONE, "samples", "clip", "missing_end"),
    # A control of any recipe for PPO, whose other options it ignores.
    "rejection": ("samples",),
}
ALGORITHMS = tuple(_UNUSED)
# What `rlaif fetch` can fetch.
PRETRAINED_NAMES = ("smollm2-135m",)
# Those that learn from the answers of the stage ``feedback``, and from nothing that they draw themselves.
OFFLINE = ("dpo", "rejection")
# Of an option that older results do not have.
LATER = {"later": True}


def identity(options: Any) -> dict[str, Any]:
    """All options, as a folder records them: those that came later only where they are set, so that older ones fit."""
    values = {one.name: getattr(options, one.name) for one in fields(options) if not _is_unset(options, one)}
    return {name: identity(value) if is_dataclass(value) else value for name, value in values.items()}


def _is_unset(options: Any, one: Field[Any]) -> bool:
    return bool(one.metadata.get("later")) and getattr(options, one.name) == one.default


def check_above_zero(options: object, *names: str) -> None:
    """Checks that these options are above 0, or None.

    Raises:
        UsageError: one is not.
    """
    for name in names:
        if (value := getattr(options, name)) is not None and value <= 0:
            raise UsageError(f"{name} is {value}: must be above 0")


def check_not_negative(options: object, *names: str) -> None:
    """Checks that these options are 0 or more, or None.

    Raises:
        UsageError: one is not.
    """
    for name in names:
        if (value := getattr(options, name)) is not None and value < 0:
            raise UsageError(f"{name} is {value}: must be 0 or more")


def check_share(options: object, *names: str) -> None:
    """Checks that these options are from 0 to 1.

    Raises:
        UsageError: one is not.
    """
    for name in names:
        if not 0 <= (value := getattr(options, name)) <= 1:
            raise UsageError(f"{name} is {value}: must be from 0 to 1")


def check_choice(name: str, value: str, choices: Sequence[str]) -> None:
    """Checks that an option has one of these values.

    Raises:
        UsageError: it has not.
    """
    if value not in choices:
        raise UsageError(f"{name} is {value!r}: give one of {', '.join(choices)}{did_you_mean(value, choices)}")


@dataclass(frozen=True, slots=True)
class TrainOptions:
    """How a policy is trained.

    Some apply to PPO only; :func:`check_options` refuses them for other algorithms unless they have their defaults.

    Attributes:
        steps: training steps; each draws answers, scores them and learns from them.
        batch: answers drawn in a step; for DPO, pairs learnt from in a step.
        samples: answers to one prompt, which RLOO and GRPO compare with each other.
        epochs: passes over a step's answers.
        minibatch: answers per optimizer step.
        microbatch: answers per forward pass of learning; limited by memory.
        draw_batch: answers drawn at a time, limited by memory; None draws a whole batch. Rounding depends on it, so the
            same number gives the same answers.
        max_new_tokens: longest answer in tokens; a longer one is truncated.
        temperature: of sampling; the policy is the distribution at this temperature throughout.
        learning_rate: peak learning rate.
        warmup: steps over which the learning rate rises.
        final_rate: learning rate at the end, as a fraction of the peak.
        max_gradient: norm that gradients are clipped to.
        clip: how far the probability ratio of a token (RLOO: of an answer) may move from 1 before its gradient becomes
            zero.
        value_clip: the same for values, as a difference from the old value.
        value_weight: weight of the value loss, added to the policy loss.
        gamma: discount of the reward per token.
        lam: lambda of GAE; 1 uses the rewards only, 0 relies on the value head.
        kl_coefficient: penalty per nat of KL divergence from the start; the initial one if it adapts. beta of the
            other algorithms.
        kl_target: nats per answer that PPO's coefficient adapts to; None keeps it constant.
        stop_kl: KL divergence between a step's old and new policy, in nats per token, above which its epochs stop;
            None never stops.
        normalise_scores: whether PPO normalises scores to mean 0 and variance 1 over all scores so far, and RLOO the
            advantages of a step. GRPO always normalises over a prompt's answers; DPO uses preferences only.
        missing_end: score of a truncated answer; None keeps its own score.
        lora: rank of the LoRA adapters to train; 0 trains all weights.
        gradient_checkpointing: whether learning keeps the inputs of layers only and computes the rest again, which
            takes a third longer and less memory; the weights are the same up to rounding.
        bf16: whether the model computes in bfloat16; weights and losses stay float32.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda``, ...
        chat: whether the prompts come from a chat template, so that they contain the special tokens already. A recipe
            need not say it: it is so for a checkpoint with a chat template.
        save_every: steps between checkpoints.
        seed: of all random numbers.
    """

    steps: int = 100
    batch: int = 64
    samples: int = 4
    epochs: int = 4
    minibatch: int = 32
    microbatch: int = 16
    draw_batch: int | None = field(default=None, metadata=LATER)
    max_new_tokens: int = 128
    temperature: float = 1.0
    learning_rate: float = 1e-5
    warmup: int = 5
    final_rate: float = 0.1
    max_gradient: float = 1.0
    clip: float = 0.2
    value_clip: float = 0.2
    value_weight: float = 0.1
    gamma: float = 1.0
    lam: float = 0.95
    kl_coefficient: float = 0.05
    kl_target: float | None = 6.0
    stop_kl: float | None = None
    normalise_scores: bool = False
    missing_end: float | None = None
    lora: int = 0
    gradient_checkpointing: bool = field(default=False, metadata=LATER)
    bf16: bool = False
    device: str = "auto"
    chat: bool = False
    save_every: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        counts = ("steps", "batch", "samples", "epochs", "minibatch", "microbatch", "max_new_tokens", "save_every")
        check_above_zero(self, *counts, "temperature", "learning_rate", "max_gradient", "clip", "value_clip")
        check_above_zero(self, "kl_target", "stop_kl", "draw_batch")
        check_not_negative(self, "warmup", "value_weight", "kl_coefficient", "lora")
        check_share(self, "gamma", "lam", "final_rate")

    def identity(self) -> dict[str, Any]:
        """All options, as a training's folder records them; those that came later only where they are set."""
        return identity(self)

    @property
    def updates(self) -> int:
        """Optimizer steps of trl in one training step."""
        return self.epochs * (self.batch // self.minibatch)

    def rate_at(self, step: int) -> float:
        """The learning rate of a step: linear warm-up, then linear decay."""
        rise, remaining = (step + 1) / max(1, self.warmup), 1 - step / self.steps
        return self.learning_rate * min(1.0, rise, self.final_rate + (1 - self.final_rate) * remaining)


def check_options(algorithm: str, options: TrainOptions) -> None:
    """Checks that the algorithm uses all options that were set, and that batch sizes divide evenly.

    Raises:
        UsageError: the algorithm is unknown, or an option is invalid for it.
    """
    check_choice("algorithm", algorithm, ALGORITHMS)
    for one in fields(options):
        if one.name in _UNUSED[algorithm] and getattr(options, one.name) != one.default:
            raise UsageError(f"{algorithm} has no {one.name}: leave it out")
    if algorithm == "ppo":
        return
    if options.batch % options.minibatch or options.minibatch % min(options.microbatch, options.minibatch):
        raise UsageError(f"{algorithm} needs a batch that minibatch divides, and a minibatch that microbatch divides")
    if algorithm not in OFFLINE and (options.samples < 2 or options.batch % options.samples):
        raise UsageError(f"samples is {options.samples}: {algorithm} needs at least 2, and a batch that it divides")
    if algorithm == "dpo" and options.kl_coefficient <= 0:
        raise UsageError(f"kl_coefficient is {options.kl_coefficient}: dpo's must be above 0")
    if options.device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device is {options.device}: {algorithm} supports auto, cpu and cuda")
