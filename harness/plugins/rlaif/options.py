"""What may be asked of the training; together with policy, prompts and scores it decides the weights."""

from dataclasses import dataclass, fields

from apigauge.errors import UsageError

_PPO_ALONE = ("value_clip", "value_weight", "gamma", "lam", "kl_target", "stop_kl")
# By algorithm, what it has no use for.
_FOREIGN = {
    "ppo": ("samples",),
    "rloo": (*_PPO_ALONE, "chat"),
    "grpo": (*_PPO_ALONE, "chat"),
    "dpo": (*_PPO_ALONE, "samples", "clip", "missing_end"),
}
ALGORITHMS = tuple(_FOREIGN)


@dataclass(frozen=True, slots=True)
class Options:
    """How a policy is trained.

    Some are of PPO alone; :func:`check` says which, and refuses them elsewhere unless they are left as they are.

    Attributes:
        steps: of training; each draws answers, scores them and learns from them.
        batch: answers drawn in a step; of DPO pairs that are learnt from.
        samples: of them to one prompt, which RLOO and GRPO measure against each other.
        epochs: times that a step's answers are learnt from.
        minibatch: answers to one step of the optimizer.
        microbatch: answers that go through the model at once; what fits memory.
        max_new_tokens: the longest answer; a longer one is cut.
        temperature: of drawing; the policy is the distribution at this temperature throughout.
        learning_rate: its peak.
        warmup: steps over which the learning rate rises.
        final_rate: what it has fallen to at the end, as a part of the peak.
        max_gradient: norm to which a longer gradient is cut.
        clip: how far the probability of a token (RLOO: of an answer) may move from 1 times the old one before its
            gradient ends.
        value_clip: the same for values, as a difference.
        value_weight: of the value loss beside the policy loss.
        gamma: discount of a token's reward per token.
        lam: lambda of GAE; 1 trusts rewards alone, 0 the value head.
        kl_coefficient: price of the KL divergence from the start, per nat; the first if it adapts. The others' beta.
        kl_target: nats per answer that PPO's coefficient adapts to; None leaves it as it is.
        stop_kl: nats per token between the step's old policy and the new one that end a step's epochs; None for none.
        normalise_scores: whether PPO brings scores to mean 0 and variance 1 by all that were seen so far, and RLOO
            a step's advantages. GRPO always does so among a prompt's answers; DPO knows only which is better.
        missing_end: what a cut answer gets instead of its score; None leaves the score.
        lora: rank of adapters that are trained instead of the weights; 0 trains the weights.
        bf16: whether the model computes in bfloat16; weights and losses stay in float32.
        device: ``auto`` (a GPU if there is one), ``cpu``, ``cuda``, ...
        chat: whether the prompts come from a chat template, which has put the special tokens in already.
        save_every: steps from one checkpoint to the next.
        seed: of everything that is drawn.
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
        """Steps of trl's optimizer in one step of ours."""
        return self.epochs * (self.batch // self.minibatch)

    def rate_at(self, step: int) -> float:
        """The learning rate in a step: up in a line over the first ones, down in a line over all."""
        rise, left = (step + 1) / max(1, self.warmup), 1 - step / self.steps
        return self.learning_rate * min(1.0, rise, self.final_rate + (1 - self.final_rate) * left)


def check(algorithm: str, options: Options) -> None:
    """Refuses options that an algorithm would not honour, and sizes that it cannot divide.

    Raises:
        UsageError: there is no such algorithm, or one of its options makes no sense.
    """
    if algorithm not in ALGORITHMS:
        raise UsageError(f"algorithm is {algorithm!r}: give one of {', '.join(ALGORITHMS)}")
    for field in fields(options):
        if field.name in _FOREIGN[algorithm] and getattr(options, field.name) != field.default:
            raise UsageError(f"{algorithm} has no {field.name}: leave it out")
    if algorithm == "ppo":
        return
    if options.batch % options.minibatch or options.minibatch % min(options.microbatch, options.minibatch):
        raise UsageError(f"{algorithm} needs a batch of whole minibatches, and minibatches of whole microbatches")
    if algorithm != "dpo" and (options.samples < 2 or options.batch % options.samples):
        raise UsageError(f"samples is {options.samples}: {algorithm} needs at least 2, and a batch of whole prompts")
    if algorithm == "dpo" and options.kl_coefficient <= 0:
        raise UsageError(f"kl_coefficient is {options.kl_coefficient}: dpo's must be above 0")
    if options.device not in ("auto", "cpu", "cuda"):
        raise UsageError(f"device is {options.device}: {algorithm} knows auto, cpu and cuda")
