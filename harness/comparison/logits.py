"""How certain a checkpoint is where two texts diverge: the gap between its two highest logits there.

Two engines that compute the same model differ by rounding errors. With greedy decoding, a gap no larger than those
errors means that rounding decided and neither engine is wrong; a divergence at a large gap is a bug in one of them.

Not covered: the tokenizer may split a text differently than the model generated it. Where neither text continues with
one of the two likeliest tokens, this happened or the tokens were sampled, and the gap explains nothing.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import ModelError, UsageError
from apigauge.harness.comparison.compare import Difference, LoadedRun
from apigauge.harness.generation.checkpoint import Checkpoint, find
from apigauge.harness.generation.hf import HF, quiet
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.prompts import Prompting, render
from apigauge.harness.generation.retrieved_docs import RETRIEVERS
from apigauge.harness.generation.tokens import CheckpointTokenizer

_UNREADABLE = (OSError, ValueError, KeyError, ImportError, TypeError)


@dataclass(frozen=True, slots=True)
class Gap:
    """The difference of the two highest logits, and their tokens."""

    gap: float
    top: tuple[str, str]


class Pretrained:
    """A tokenizer of transformers; tokens are ids, spelled as in its vocabulary."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        """The text's tokens, without special ones; a lone surrogate is read as a question mark."""
        whole = text.encode("utf-8", "replace").decode("utf-8")
        return list(self._tokenizer(whole, add_special_tokens=False, verbose=False)["input_ids"])

    def spell(self, token: int) -> str:
        """The vocabulary's entry."""
        return str(self._tokenizer.convert_ids_to_tokens(token))

    def join(self, tokens: Sequence[int]) -> str:
        """The text that these tokens make up."""
        return str(self._tokenizer.decode(list(tokens), clean_up_tokenization_spaces=False))


def load_tokenizer(name: str) -> Pretrained:
    """The tokenizer in a folder, or of a hub id with an optional ``@REVISION``; weights are not downloaded.

    Raises:
        ModelError: there is no such tokenizer.
    """
    _need_libraries("--tokenizer")
    from transformers import AutoTokenizer

    folder = Path(name).expanduser()
    with quiet():
        if folder.is_dir():
            return Pretrained(CheckpointTokenizer(Checkpoint(folder.resolve().name, folder, "")).tokenizer)
        repo, _, revision = name.partition("@")
        try:
            return Pretrained(AutoTokenizer.from_pretrained(repo, revision=revision or "main"))
        except _UNREADABLE as error:
            raise ModelError(f"--tokenizer {name}: neither a local folder nor a tokenizer of the hub") from error


class Logits(HF):
    """A checkpoint on the CPU, in float32 whatever the type of its stored weights.

    Args:
        name: its path or id.

    Raises:
        ModelError: it is unavailable, is not a generative language model, or has no tokenizer.
    """

    def __init__(self, name: str) -> None:
        _need_libraries("--logits")
        super().__init__(find(name), None, ModelOptions(dtype="float32", device="cpu"))
        self.tokenizer = Pretrained(self._tokens.tokenizer)

    def gap(self, prompt: str, style: str, answered: Sequence[int]) -> Gap | None:
        """The gap at the next token; None if prompt and answer exceed the model's context.

        Args:
            prompt: the text of the prompt.
            style: the prompt's style; with ``chat`` the template has already added the special tokens.
            answered: the answer's tokens so far.
        """
        import torch

        [prompted] = self._tokens.ids([prompt], style)
        ids = {"input_ids": [*prompted, *answered]}
        if self._is_pair:
            ids = {"input_ids": prompted, "decoder_input_ids": [*self._start(), *answered]}
        context = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        if context and max(map(len, ids.values())) > context:
            return None
        with torch.no_grad():
            logits = self._model(**{name: torch.tensor([row]) for name, row in ids.items()}).logits[0, -1]
        (first, second), tokens = (part.tolist() for part in logits.topk(2))
        return Gap(first - second, (self.tokenizer.spell(tokens[0]), self.tokenizer.spell(tokens[1])))

    def prompts(self, benchmark: Benchmark, items: Sequence[Item], prompting: Prompting) -> list[str]:
        """The prompts of the items, in the checkpoint's own chat template if they are chats."""
        chat = partial(self._tokens.chat, prompting=prompting)
        return render(benchmark, items, prompting, prompting.style, chat)

    def _start(self) -> list[int]:
        """The decoder's tokens before the first token of an answer."""
        config = self._model.generation_config
        return [token for token in (config.decoder_start_token_id, config.forced_bos_token_id) if token is not None]


def gaps(
    model: Logits, benchmark: Benchmark, a: LoadedRun, b: LoadedRun, different: Iterable[Difference]
) -> dict[tuple[str, int], Gap | str]:
    """By (item, sample) the gap where two texts diverge, or why it is unavailable.

    Args:
        model: the checkpoint; its tokenizer must be the one that located the divergences.
        benchmark: the benchmark of both runs; prompts are rendered again and checked against the runs' digests.
        a: the first run.
        b: the second run.
        different: pairs of answers; those with equal texts are skipped.
    """
    style, items = str(a.manifest.get("generator", {}).get("prompt", "instruction")), {}
    diverging = [one for one in different if one.text]
    is_style = style in ("chat", "instruction") and (style != "chat" or model.has_chat)
    if is_style and a.manifest.get("generator", {}).get("retriever", "none") in RETRIEVERS:
        ids = {one.item for one in diverging}
        items = _prompts(benchmark, a, style, model, [item for item in benchmark.items if item.id in ids])
    return {(one.item, one.sample): _gap(model, a, b, one, style, items.get(one.item)) for one in diverging}


def _prompts(benchmark: Benchmark, run: LoadedRun, style: str, model: Logits, items: Sequence[Item]) -> dict[str, str]:
    about = run.manifest.get("generator", {})
    settings = {"system": about.get("system", ""), "chat_template_args": about.get("chat_template_args", {})}
    prompting = Prompting(style, cast("Any", about.get("retriever", "none")), **cast("Any", settings))
    prompts = model.prompts(benchmark, items, prompting)
    return {item.id: prompt for item, prompt in zip(items, prompts, strict=True)}


def _gap(model: Logits, a: LoadedRun, b: LoadedRun, one: Difference, style: str, prompt: str | None) -> Gap | str:
    key, divergence = (one.item, one.sample), one.text
    digest, other = (run.answers[key].get("prompt_sha256") for run in (a, b))
    if digest != other:
        return "the two runs have different prompts"
    if style == "template":
        return "its prompt is from a template file, which is not part of the run"
    if prompt is None or hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest() != digest:
        return "its prompt cannot be rendered again: the digest in the run is of another text"
    if divergence is None or (divergence.a is None and divergence.b is None):
        return "the tokenizer gives both texts the same tokens"
    answered = model.tokenizer.encode(a.answers[key]["text"])[: divergence.position]
    return model.gap(prompt, style, answered) or "prompt and text are longer than the model's context"


def _need_libraries(option: str) -> None:
    try:
        import torch  # noqa: F401 - whether it is installed
        import transformers  # noqa: F401 - likewise
    except ImportError as error:
        raise UsageError(f"{option} needs transformers and torch: pip install 'apigauge[hf]'") from error
