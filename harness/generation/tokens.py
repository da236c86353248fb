"""A checkpoint's tokenizer, shared by ``hf:`` and ``vllm:``: both read the same tokens and write the same text."""

import json
import logging
from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation.checkpoint import Checkpoint
from apigauge.harness.generation.prompts import Prompting
from apigauge.harness.generation.reasoning_tags import opened_reasoning, structural
from apigauge.harness.generation.sampling import cut
from apigauge.harness.generation.types import Answer, Request

_FILES = ("tokenizer*", "vocab*", "*.model", "*.tiktoken", "merges.txt", "tekken.json")
# Files that hold a vocabulary: an adapter's folder may have settings of a tokenizer without one.
_VOCABULARIES = ("tokenizer.json", "vocab*", "*.model", "*.tiktoken", "tekken.json")
_TEMPLATE = "chat_template.jinja"
_SHORTER = "Leave out --retriever, shorten the template of --prompt, or take a model with a longer context."


class Tokenized(NamedTuple):
    """A request, its prompt as tokens, and the longest answer that it may get."""

    request: Request
    ids: list[int]
    limit: int


class CheckpointTokenizer:
    """The tokenizer among a checkpoint's files, or among its adapter's: an adapter may have added tokens.

    Args:
        checkpoint: the checkpoint.
        adapter: its adapter, if it has one. If its folder has a tokenizer, that one and its chat template are used;
            else the checkpoint's, with the adapter's chat template if there is one.
        trust_remote_code: whether the tokenizer may be Python code among the files.
        is_pair: whether prompts are read by an encoder.

    Attributes:
        tokenizer: of transformers.
        source: what comes from the adapter's folder: ``tokenizer``, ``chat_template`` or nothing.

    Raises:
        ModelError: there is none, or it cannot be read.
    """

    def __init__(
        self,
        checkpoint: Checkpoint,
        adapter: Checkpoint | None = None,
        *,
        trust_remote_code: bool = False,
        is_pair: bool = False,
    ) -> None:
        is_adapters = adapter is not None and _has(adapter, _VOCABULARIES)
        owner = adapter if adapter is not None and is_adapters else checkpoint
        if not _has(owner, _FILES):
            raise ModelError(f"{owner.name} has no tokenizer: copy the one that it was trained with into its folder")
        self.tokenizer: Any = _load(owner, trust_remote_code=trust_remote_code)
        template = _template_of(adapter) if adapter and not is_adapters else None
        if template:
            self.tokenizer.chat_template = template
        self.source = "tokenizer" if is_adapters else "chat_template" if template else ""
        self.folder = owner.folder
        self._name, self._is_pair, self._is_chat_checked = owner.name, is_pair, False
        special = {str(token): number for number, token in self.tokenizer.added_tokens_decoder.items() if token.special}
        kept = structural(set(special))
        # Special tokens that an answer's text has, since extraction needs them.
        self.kept = sorted(kept)
        self._dropped = {token: number for token, number in special.items() if token not in kept}

    @property
    def has_chat(self) -> bool:
        """Whether there is a chat template."""
        return bool(self.tokenizer.chat_template)

    @property
    def chat_template(self) -> str:
        """The chat template as text; of a tokenizer with several, all of them; empty if there is none."""
        template = self.tokenizer.chat_template or ""
        return "\n".join(map(str, template.values())) if isinstance(template, dict) else str(template)

    def describe(self) -> dict[str, Any]:
        """For the manifest, what answers depend on besides the checkpoint's files."""
        return {"kept_special_tokens": self.kept} if self.kept else {}

    def chat(self, message: str, prompting: Prompting) -> str:
        """A user's message in the template, up to where the model answers.

        Raises:
            UsageError: the template has no place for the system prompt.
            ModelError: the template fails.
        """
        text = self._render(prompting.messages(message), prompting)
        if not self._is_chat_checked:
            self._check(text, message, prompting)
            self._is_chat_checked = True
        return text

    def _render(self, messages: Sequence[dict[str, str]], prompting: Prompting) -> str:
        arguments = dict(prompting.chat_template_args)
        try:
            return str(
                self.tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True, **arguments)
            )
        except Exception as error:  # a template raises what it likes
            reason = f"the chat template of {self._name} fails: {_first_line(error)}"
            if prompting.system:
                raise UsageError(f"--system: {reason}. Put it into a template of --prompt FILE instead") from error
            raise ModelError(f"{reason}; use --prompt instruction, or a template of --prompt FILE") from error

    def _check(self, text: str, message: str, prompting: Prompting) -> None:
        """Whether the template uses what it is given; a name that it lacks may be meant for another model."""
        if prompting.system and text == self._without_system(message, prompting):
            raise UsageError(
                f"--system: the chat template of {self._name} leaves the system prompt out. Put it into a template of "
                "--prompt FILE instead"
            )
        template = self.tokenizer.get_chat_template() if prompting.chat_template_args else ""
        for name in prompting.chat_template_args:
            if name not in template:
                logging.getLogger(__name__).warning(
                    "--chat-template-arg %s: the chat template of %s does not mention it", name, self._name
                )

    def _without_system(self, message: str, prompting: Prompting) -> str | None:
        """The same chat without its system prompt; None of a template that does not do without one."""
        try:
            return self._render(prompting.messages(message)[1:], prompting)
        except UsageError:
            return None

    def ids(self, prompts: Sequence[str], style: str) -> list[list[int]]:
        """Prompts as tokens.

        Special tokens are added once: not in ``chat`` prompts, where the template has added them, and no second
        beginning where a template of the user's own writes one. What a tokenizer adds at the end is dropped, unless an
        encoder reads the prompt: a model that reads the end of a text begins another one.
        """
        rows = self.tokenizer(list(prompts), add_special_tokens=style != "chat", verbose=False)["input_ids"]
        if style == "chat":
            return [list(row) for row in rows]
        return [self._trimmed(prompt, list(row)) for prompt, row in zip(prompts, rows, strict=True)]

    def _trimmed(self, prompt: str, ids: list[int]) -> list[int]:
        beginning, end = self.tokenizer.bos_token_id, self.tokenizer.eos_token_id
        if beginning is not None and ids[:2] == [beginning, beginning]:
            ids = ids[1:]
        if not self._is_pair and len(ids) > 1 and ids[-1] == end and not prompt.endswith(str(self.tokenizer.eos_token)):
            ids = ids[:-1]
        return ids

    def encode(
        self,
        requests: Sequence[Request],
        style: str,
        context: int | None,
        longest: int,
        encoder: int | None = None,
    ) -> list[Tokenized]:
        """The requests as tokens.

        Args:
            requests: the requests.
            style: the prompts' style; in ``chat`` prompts the template's special tokens are already present.
            context: tokens that prompt and answer may have together; None if there is no limit.
            longest: tokens of the longest answer that the options allow.
            encoder: tokens that a prompt may have where an encoder reads it; None if there is no limit.

        Raises:
            UsageError: a prompt leaves no room for an answer, is longer than the encoder takes, or is empty.
        """
        encoded = self.ids([request.prompt for request in requests], style)
        if empty := [request.item for request, ids in zip(requests, encoded, strict=True) if not ids]:
            raise UsageError(
                f"the prompts of {len(set(empty))} items, such as {empty[0]}, have no token: the chat template of "
                f"{self._name} or the template of --prompt leaves the question out; try --prompt instruction"
            )
        if encoder is not None and (most := max(map(len, encoded), default=0)) > encoder:
            items = dict.fromkeys(r.item for r, ids in zip(requests, encoded, strict=True) if len(ids) > encoder)
            raise UsageError(
                f"the prompts of {len(items)} items have more tokens, up to {most}, than the {encoder} that the "
                f"model's encoder takes (items {', '.join(list(items)[:5])}). {_SHORTER}"
            )
        tokenized = [
            Tokenized(request, ids, longest if context is None else min(longest, context - len(ids)))
            for request, ids in zip(requests, encoded, strict=True)
        ]
        if full := [one for one in tokenized if one.limit < 1]:
            worst = max(full, key=lambda one: len(one.ids))
            names = ", ".join(dict.fromkeys(one.request.item for one in full[:5]))
            raise UsageError(
                f"the prompts of {len({one.request.item for one in full})} items leave no room for an answer in the "
                f"model's context of {context} tokens (items {names}; the longest is item {worst.request.item} with "
                f"{len(worst.ids)}). {_SHORTER}"
            )
        return tokenized

    def decode(self, ids: Sequence[int]) -> str:
        """The text of an answer's tokens, of the special ones only those that separate reasoning from the answer."""
        dropped = set(self._dropped.values())
        kept = [token for token in ids if token not in dropped]
        return str(self.tokenizer.decode(kept, skip_special_tokens=False, clean_up_tokenization_spaces=False))

    def stop_ids(self, stop: Sequence[str]) -> frozenset[int]:
        """The tokens that end an answer as a stop text does: a special token is in no answer's text."""
        names = (text.strip() for text in stop)
        return frozenset(self._dropped[name] for name in names if name in self._dropped)

    def answer(self, one: Tokenized, tokens: Sequence[int], ends: Collection[int], stop: tuple[str, ...]) -> Answer:
        """The answer in what an engine generated; the same for every engine.

        Args:
            one: the request.
            tokens: of the answer, perhaps with more after its end.
            ends: the tokens that end an answer.
            stop: the texts that do.
        """
        stop_ids = self.stop_ids(stop)
        end = next((at for at, token in enumerate(tokens) if token in ends or token in stop_ids), None)
        answer = tokens[:end]
        text = self.decode(answer)
        # What ends at its limit may end inside a character, which is no stop text.
        text, is_cut = cut(text.rstrip("\ufffd") if stop and end is None else text, stop)
        reason = "stop" if is_cut or end is not None else "length"
        return Answer(opened_reasoning(one.request.prompt) + text, reason, len(one.ids), len(answer))


def _has(owner: Checkpoint, patterns: Sequence[str]) -> bool:
    return any(any(owner.folder.glob(pattern)) for pattern in patterns)


def _load(owner: Checkpoint, *, trust_remote_code: bool) -> Any:
    from transformers import AutoTokenizer

    try:
        return AutoTokenizer.from_pretrained(owner.folder, local_files_only=True, trust_remote_code=trust_remote_code)
    except Exception as error:
        if "trust_remote_code" in str(error):
            raise ModelError(owner.code_refusal()) from error
        raise ModelError(f"{owner.name}: its tokenizer cannot be read: {_first_line(error)}") from error


def _template_of(adapter: Checkpoint) -> str | None:
    """The chat template of an adapter that has no tokenizer."""
    try:
        if (file := adapter.folder / _TEMPLATE).is_file():
            return file.read_text(encoding="utf-8")
        settings = json.loads((adapter.folder / "tokenizer_config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    template = settings.get("chat_template") if isinstance(settings, dict) else None
    return template if isinstance(template, str) else None


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
