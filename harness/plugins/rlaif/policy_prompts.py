"""The prompts that a policy is trained on: those it is scored with, through its chat template if it has one.

This module loads transformers: import it where it is used.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from types import SimpleNamespace
from typing import NamedTuple

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError
from apigauge.harness.generation.checkpoint import find
from apigauge.harness.generation.hf import context_of, quiet
from apigauge.harness.generation.prompts import Prompting, render
from apigauge.harness.generation.tokens import CheckpointTokenizer
from apigauge.harness.generation.types import Request


class PolicyPrompts(NamedTuple):
    """Prompts, and whether a chat template made them, so that they have their special tokens already."""

    texts: list[str]
    is_chat: bool


def policy_prompts(
    checkpoint: str, benchmark: Benchmark, items: Sequence[Item], prompting: Prompting | None = None
) -> PolicyPrompts:
    """The prompts of items for a checkpoint.

    Args:
        checkpoint: a folder, or an id of the hub.
        benchmark: of the items.
        items: to answer.
        prompting: how prompts are made; None for the usual way, without a retriever.

    Raises:
        ModelError: the checkpoint is unavailable, has no tokenizer, or its chat template fails.
    """
    with quiet():
        tokens = CheckpointTokenizer(find(checkpoint))
    prompting = prompting or Prompting()
    style = prompting.resolve(has_chat=tokens.has_chat)
    texts = render(benchmark, items, prompting, style, lambda message: tokens.chat(message, prompting))
    return PolicyPrompts(texts, style == "chat")


def check_room(checkpoint: str, benchmark: Benchmark, prompting: Prompting) -> None:
    """Refuses a model whose context has no room for the questions to score, before hours of training.

    Args:
        checkpoint: a folder, or an id of the hub.
        benchmark: of the questions.
        prompting: how prompts are made.

    Raises:
        UsageError: a question's prompt leaves no room for an answer.
        ModelError: the checkpoint is unavailable.
    """
    tokens, context = _tokens(checkpoint)
    prompts, is_chat = policy_prompts(checkpoint, benchmark, benchmark.items, prompting)
    requests = [Request(item.id, 0, prompt, 0) for item, prompt in zip(benchmark.items, prompts, strict=True)]
    tokens.encode(requests, _style(is_chat=is_chat), context, 1)


def _tokens(checkpoint: str) -> tuple[CheckpointTokenizer, int | None]:
    """A checkpoint's tokenizer, and the length of its context."""
    import transformers

    source = find(checkpoint)
    with quiet():
        config = transformers.AutoConfig.from_pretrained(source.folder)
        return CheckpointTokenizer(source), context_of(SimpleNamespace(config=config))


def _style(*, is_chat: bool) -> str:
    return "chat" if is_chat else "instruction"


def with_fitting(
    checkpoint: str,
    benchmark: Benchmark,
    prompting: Prompting,
    longest: int,
    say: Callable[[str], object] = lambda _: None,
) -> Benchmark:
    """The benchmark without the training items whose prompt leaves no room for an answer in the model's context.

    Args:
        checkpoint: a folder, or an id of the hub.
        benchmark: whose questions to score stay as they are.
        prompting: how prompts are made.
        longest: tokens of the longest answer.
        say: reports how many are left out.

    Raises:
        UsageError: no training item is left.
        ModelError: the checkpoint is unavailable.
    """
    tokens, context = _tokens(checkpoint)
    if context is None or not benchmark.train:
        return benchmark
    prompts, is_chat = policy_prompts(checkpoint, benchmark, benchmark.train, prompting)
    lengths = map(len, tokens.ids(prompts, _style(is_chat=is_chat)))
    train = tuple(item for item, length in zip(benchmark.train, lengths, strict=True) if length + longest <= context)
    if not train:
        raise UsageError(
            f"no training question leaves room for an answer of {longest} tokens in the model's context of {context}: "
            "lower max_new_tokens, or take a model with a longer context"
        )
    left = len(benchmark.train) - len(train)
    if left:
        say(f"{left} of {len(benchmark.train)} training questions are too long for the model's context: left out")
    return replace(benchmark, train=train) if left else benchmark
