"""Options of the training; together with policy, prompts and scores they decide the weights."""

from dataclasses import dataclass, fields

from apigauge.errors import UsageError

_PPO_ALONE = ("value_clip", "value_weight", "gamma", "lam", "kl_target", "stop_kl")
# By algorithm, the options that it does not use.
_UNUSED = {
    "ppo": ("samples",),
    "rloo": (*_PPO_ALONE, "chat"),
    "grpo": (*_PPO_ALONE, "chat"),
    "dpo": (*_PPO_ALONE, "samples", "clip", "missing_end"),
}
ALGORITHMS = tuple(_UNUSED)


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
        microbatch: answers per forward pass; limited by memory.
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
        bf16: whether the model computes in bfloat16; weights and losses stay float32.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda``, ...
        chat: whether the prompts come from a chat template, so that they contain the special tokens already.
        save_every: steps between checkpoints.
        seed: of all random numbers.
    """

    steps: int = 100
    batch: int = 64
    samples: int = 4
    epochs: int = 4
    minibatch: int = 32
    microbatch: int = 16
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
    bf16: bool = False
    device: str = "auto"
    chat: bool = False
    save_every: int = 10
    seed: int = 0

    def __post_init__(self) -> None:
        counts = ("steps", "batch", "epochs", "minibatch", "microbatch", "max_new_tokens", "save_every")
        for name in (*counts, "temperature", "learning_rate", "max_gradient"):
            if getattr(self, name) <= 0:
                raise UsageError(f"{name} is {getattr(self, name)}: must be above 0")
        if not 0 <= self.lam <= 1 or not 0 <= self.gamma <= 1:
            raise UsageError(f"gamma is {self.gamma} and lam {self.lam}: both must be from 0 to 1")

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
    if algorithm not in ALGORITHMS:
        raise UsageError(f"algorithm is {algorithm!r}: give one of {', '.join(ALGORITHMS)}")
    for field in fields(options):
        if field.name in _UNUSED[algorithm] and getattr(options, field.name) != field.default:
            raise UsageError(f"{algorithm} has no {field.name}: leave it out")
    if algorithm == "ppo":
        return
    if options.batch % options.minibatch or options.minibatch % min(options.microbatch, options.minibatch):
        raise UsageError(f"{algorithm} needs a batch that minibatch divides, and a minibatch that microbatch divides")
    if algorithm != "dpo" and (options.samples < 2 or options.batch % options.samples):
        raise UsageError(f"samples is {options.samples}: {algorithm} needs at least 2, and a batch that it divides")
    if algorithm == "dpo" and options.kl_coefficient <= 0:
        raise UsageError(f"kl_coefficient is {options.kl_coefficient}: dpo's must be above 0")
    if options.device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device is {options.device}: {algorithm} supports auto, cpu and cuda")
