"""A checkpoint's tokenizer, shared by ``hf:`` and ``vllm:`` so that both read the same tokens."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation.checkpoint import Checkpoint
from apigauge.harness.generation.types import Request

_FILES = ("tokenizer*", "vocab*", "*.model", "*.tiktoken", "merges.txt")


class Tokenized(NamedTuple):
    """A request, its prompt as tokens, and the longest answer that it may get."""

    request: Request
    ids: list[int]
    limit: int


class CheckpointTokenizer:
    """The tokenizer among a checkpoint's files.

    Raises:
        ModelError: there is none, or it cannot be read.
    """

    def __init__(self, checkpoint: Checkpoint) -> None:
        from transformers import AutoTokenizer

        if not any(any(checkpoint.folder.glob(pattern)) for pattern in _FILES):
            raise ModelError(
                f"{checkpoint.name} has no tokenizer: copy the one that it was trained with into its folder"
            )
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(checkpoint.folder, local_files_only=True)
        except Exception as error:
            raise ModelError(f"{checkpoint.name}: its tokenizer cannot be read: {_first_line(error)}") from error

    @property
    def has_chat(self) -> bool:
        """Whether there is a chat template."""
        return bool(self.tokenizer.chat_template)

    @property
    def chat_template(self) -> str:
        """The chat template as text; of a tokenizer with several, all of them; empty if there is none."""
        template = self.tokenizer.chat_template or ""
        return "\n".join(map(str, template.values())) if isinstance(template, dict) else str(template)

    def chat(self, message: str) -> str:
        """A user's message in the template, up to where the model answers."""
        messages = [{"role": "user", "content": message}]
        return str(self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))

    def encode(self, requests: Sequence[Request], style: str, context: int | None, longest: int) -> list[Tokenized]:
        """The requests as tokens.

        Args:
            requests: the requests.
            style: the prompts' style; in ``chat`` prompts the template's special tokens are already present.
            context: tokens that prompt and answer may have together; None if there is no limit.
            longest: tokens of the longest answer that the options allow.

        Raises:
            UsageError: a prompt leaves no room for an answer.
        """
        prompts = [request.prompt for request in requests]
        encoded = self.tokenizer(prompts, add_special_tokens=style != "chat")["input_ids"]
        tokenized = [
            Tokenized(request, list(ids), longest if context is None else min(longest, context - len(ids)))
            for request, ids in zip(requests, encoded, strict=True)
        ]
        if full := [one for one in tokenized if one.limit < 1]:
            worst = max(full, key=lambda one: len(one.ids))
            names = ", ".join(dict.fromkeys(one.request.item for one in full[:5]))
            raise UsageError(
                f"the prompts of {len({one.request.item for one in full})} items leave no room for an answer in the "
                f"model's context of {context} tokens (items {names}; the longest is item {worst.request.item} with "
                f"{len(worst.ids)}). Leave out --retriever, shorten the template of --prompt, or take a model with a "
                "longer context."
            )
        return tokenized


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
