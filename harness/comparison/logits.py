"""How sure a checkpoint is where two texts part: the gap between its two highest logits there.

Two engines that compute one model differ in the last bits of their sums. Where both take the likeliest token, a gap no
wider than that is decided by rounding and neither is wrong; a wide gap that they decide differently is a fault.

What is not covered: a text is read as the tokenizer takes it apart, which need not be how the model wrote it. Where the
likeliest tokens are none of the texts', either that happened or they were drawn, and the gap explains nothing.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import ModelError, UsageError
from apigauge.harness.comparison.compare import Difference, Run
from apigauge.harness.generation.checkpoint import Checkpoint, find
from apigauge.harness.generation.hf import HF, quiet
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.prompts import Prompting, render
from apigauge.harness.generation.tokens import CheckpointTokenizer

_UNREADABLE = (OSError, ValueError, KeyError, ImportError, TypeError)


@dataclass(frozen=True, slots=True)
class Gap:
    """By how much the likeliest token is ahead of the next, in logits, and which they are."""

    gap: float
    top: tuple[str, str]


class Pretrained:
    """A tokenizer of transformers; tokens are numbers, spelled as its vocabulary does."""

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer

    def encode(self, text: str) -> list[int]:
        """The text's tokens, without special ones; half a surrogate pair is read as a question mark."""
        whole = text.encode("utf-8", "replace").decode("utf-8")
        return list(self._tokenizer(whole, add_special_tokens=False, verbose=False)["input_ids"])

    def spell(self, token: int) -> str:
        """The vocabulary's entry."""
        return str(self._tokenizer.convert_ids_to_tokens(token))

    def join(self, tokens: Sequence[int]) -> str:
        """The text of tokens."""
        return str(self._tokenizer.decode(list(tokens), clean_up_tokenization_spaces=False))


def load_tokenizer(name: str) -> Pretrained:
    """The tokenizer in a folder, or of an id of the hub with an optional ``@REVISION``; weights are not fetched.

    Raises:
        ModelError: there is none.
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
            raise ModelError(f"--tokenizer {name}: neither a folder here nor a tokenizer that the hub gives") from error


class Logits(HF):
    """A checkpoint on the CPU, in float32 whatever its weights are stored in.

    Args:
        name: its path or id.

    Raises:
        ModelError: it cannot be had, is no model that answers, or has no tokenizer.
    """

    def __init__(self, name: str) -> None:
        _need_libraries("--logits")
        super().__init__(find(name), None, ModelOptions(dtype="float32", device="cpu"))
        self.tokenizer = Pretrained(self._tokens.tokenizer)

    def gap(self, prompt: str, style: str, answered: Sequence[int]) -> Gap | None:
        """What the model would say next; None if it cannot have that many tokens before it.

        Args:
            prompt: as it was put.
            style: the prompts' style; of ``chat`` the template has put the special tokens into the prompt.
            answered: the answer's tokens so far.
        """
        import torch

        asked = list(self._tokens.tokenizer(prompt, add_special_tokens=style != "chat", verbose=False)["input_ids"])
        ids = {"input_ids": [*asked, *answered]}
        if self._is_pair:
            ids = {"input_ids": asked, "decoder_input_ids": [*self._start(), *answered]}
        context = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        if context and max(map(len, ids.values())) > context:
            return None
        with torch.no_grad():
            logits = self._model(**{name: torch.tensor([row]) for name, row in ids.items()}).logits[0, -1]
        (first, second), tokens = (part.tolist() for part in logits.topk(2))
        return Gap(first - second, (self.tokenizer.spell(tokens[0]), self.tokenizer.spell(tokens[1])))

    def _start(self) -> list[int]:
        """What a decoder has before the first token of an answer."""
        known = self._model.generation_config
        return [token for token in (known.decoder_start_token_id, known.forced_bos_token_id) if token is not None]


def gaps(
    model: Logits, benchmark: Benchmark, a: Run, b: Run, different: Iterable[Difference]
) -> dict[tuple[str, int], Gap | str]:
    """The gap where each two texts part, by (item, sample), or why it cannot be had.

    Args:
        model: whose tokenizer also found where they part.
        benchmark: whose questions were put; prompts are made anew and checked against the digests that the runs keep.
        a: the first run.
        b: the second run.
        different: answers whose texts part; others are passed over.
    """
    style, items = str(a.manifest.get("generator", {}).get("prompt", "instruction")), {}
    parted = [one for one in different if one.text]
    if style in ("chat", "instruction") and (style != "chat" or model.has_chat):
        asked = {one.item for one in parted}
        items = _prompts(benchmark, a, style, model, [item for item in benchmark.items if item.id in asked])
    return {(one.item, one.sample): _gap(model, a, b, one, style, items.get(one.item)) for one in parted}


def _prompts(benchmark: Benchmark, run: Run, style: str, model: Logits, items: Sequence[Item]) -> dict[str, str]:
    retriever = run.manifest.get("generator", {}).get("retriever", "none")
    prompts = render(benchmark, items, Prompting(style, retriever), style, model.chat)
    return {item.id: prompt for item, prompt in zip(items, prompts, strict=True)}


def _gap(model: Logits, a: Run, b: Run, one: Difference, style: str, prompt: str | None) -> Gap | str:
    key, parting = (one.item, one.sample), one.text
    put, other = (run.answers[key].get("prompt_sha256") for run in (a, b))
    if put != other:
        return "the two runs put different prompts"
    if style == "template":
        return "its prompt is of a template file, which the run does not hold"
    if prompt is None or hashlib.sha256(prompt.encode("utf-8", "surrogatepass")).hexdigest() != put:
        return "its prompt cannot be made again: the digest in the run is of another text"
    if parting is None or (parting.a is None and parting.b is None):
        return "the tokenizer reads both texts alike"
    answered = model.tokenizer.encode(a.answers[key]["text"])[: parting.position]
    return model.gap(prompt, style, answered) or "prompt and text are longer than the model's context"


def _need_libraries(option: str) -> None:
    try:
        import torch  # noqa: F401 - whether it is here
        import transformers  # noqa: F401 - likewise
    except ImportError as error:
        raise UsageError(f"{option} needs transformers and torch: pip install 'apigauge[hf]'") from error
