"""The options of the backends that run a model."""

from copy import copy
from dataclasses import dataclass, field, replace
from typing import Self

from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.generation.sampling import Sampling


@dataclass(frozen=True, slots=True)
class ModelOptions:
    """Options of ``hf:``, ``vllm:`` and ``openai:``; each backend reads those that concern it.

    Attributes:
        sampling: how answers are drawn.
        prompting: how prompts are made.
        cached: whether completions are cached; by default those of models that their weights' digest identifies.
        dtype: of the weights and the arithmetic: ``auto`` (as stored), ``float32``, ``bfloat16`` or ``float16``.
        device: ``auto`` (accelerators if there are any), ``cpu``, ``cuda``, ``cuda:1``, ...
        adapter: a LoRA or other PEFT adapter: path or id.
        merge: whether the adapter is merged into the weights before the first answer.
        batch_size: prompts in a batch; None finds out what fits memory, or takes as many as a server allows.
        batch: whether a server is asked through its Batch API.
        tensor_parallel: GPUs that share one model.
        max_model_len: tokens of context to reserve; None is the model's maximum.
        base_url: a server's address, up to and including ``/v1``.
        concurrency: simultaneous requests to a server.
        timeout: seconds without an answer after which a request is tried again.
        requests_per_minute: the most requests to a server; None for no limit.
        tokens_per_minute: the most tokens of prompts and answers; None for no limit.
        trust_remote_code: whether Python code among a checkpoint's files may run on this machine.
        first_tokens: of how many of the likeliest first tokens an answer has the log probabilities; a server may
            report fewer.
    """

    sampling: Sampling = field(default_factory=Sampling)
    prompting: Prompting = field(default_factory=Prompting)
    cached: bool | None = None
    dtype: str = "auto"
    device: str = "auto"
    adapter: str | None = None
    merge: bool = True
    batch_size: int | None = None
    tensor_parallel: int = 1
    max_model_len: int | None = None
    base_url: str | None = None
    concurrency: int = 8
    timeout: float = 120.0
    batch: bool = False
    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    trust_remote_code: bool = False
    first_tokens: int = 0


class Resampled:
    """Base of the engines, whose sampling is an option of each call rather than of what was loaded."""

    problems: list[str]
    _options: ModelOptions

    def sampled(self, sampling: Sampling) -> Self:
        """The same model under another sampling; nothing is loaded again."""
        other = copy(self)
        other._options, other.problems = replace(self._options, sampling=sampling), []  # noqa: SLF001 - its own class
        return other
