"""The policy: a causal checkpoint with a value head, and a frozen copy of its start.

Invariants:

- Dropout is off throughout, so that old and new probabilities of a token differ only by what was learnt.
- Prompts are left-padded, answers right-padded; positions count a row's own tokens. So a row's result does not depend
  on the other rows of the batch.
- Sampling is a function of the logits and of uniform numbers drawn beforehand, one for each token.
"""

import contextlib
import copy
import inspect
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers.modeling_layers import GradientCheckpointingLayer

from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation.checkpoint import Checkpoint
from apigauge.harness.generation.hf import HF, context_of, quiet
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.tokens import Tokenized
from apigauge.harness.generation.types import Answer, Request
from apigauge.harness.plugins.rlaif.options import TrainOptions

_ADAPTER = "adapter"


@dataclass(frozen=True, slots=True)
class Answers:
    """Prompts and their answers, (answers, prompt + answer) tokens.

    Attributes:
        ids: tokens.
        mask: True for tokens, False for padding before a prompt and behind the token that ends an answer.
        start: column where the answers begin.
    """

    ids: Tensor
    mask: Tensor
    start: int

    @property
    def tokens(self) -> Tensor:
        """The answers' tokens, (answers, tokens)."""
        return self.ids[:, self.start :]

    @property
    def answered(self) -> Tensor:
        """The mask of the answers' tokens, (answers, tokens)."""
        return self.mask[:, self.start :]

    def rows(self, chosen: Tensor) -> "Answers":
        """Some of the rows, without columns that are padding in all of them."""
        mask = self.mask[chosen]
        used = mask.any(dim=0).nonzero()
        first, end = int(used[0]), int(used[-1]) + 1
        return Answers(self.ids[chosen, first:end], mask[:, first:end], self.start - first)


def joined(parts: Sequence[Answers], pad: int) -> Answers:
    """Batches as one, padded to the longest prompt and the longest answer."""
    if len(parts) == 1:
        return parts[0]
    start = max(part.start for part in parts)
    width = max(part.ids.shape[1] - part.start for part in parts)
    sides = [(start - part.start, width - part.ids.shape[1] + part.start) for part in parts]
    pairs = list(zip(parts, sides, strict=True))
    ids = [torch.nn.functional.pad(part.ids, side, value=pad) for part, side in pairs]
    mask = [torch.nn.functional.pad(part.mask, side, value=False) for part, side in pairs]
    return Answers(torch.cat(ids), torch.cat(mask), start)


class Policy(HF):
    """A checkpoint with a value head and a frozen copy of its start.

    Args:
        checkpoint: the start.
        options: of the training.

    Raises:
        ModelError: the checkpoint is no causal model, or cannot be loaded.
    """

    def __init__(self, checkpoint: Checkpoint, options: TrainOptions) -> None:
        self.device = options.device
        if self.device == "auto":
            self.device = "cuda" if torch.cuda.is_available() else "cpu"
        sampling = Sampling(max_new_tokens=options.max_new_tokens, temperature=options.temperature)
        super().__init__(checkpoint, None, ModelOptions(sampling=sampling, dtype="float32", device=self.device))
        if self._is_pair:
            raise ModelError(f"{checkpoint.name} has an encoder; PPO trains causal models")
        self._bf16, self._lora, self._draw_batch = options.bf16, options.lora, options.draw_batch
        self._recomputed = recomputed_layers(self._model) if options.gradient_checkpointing else []
        self._accepts = inspect.signature(self._model.forward).parameters.keys()
        # The frozen start; with LoRA the adapters are switched off instead.
        self.start = None if options.lora else copy.deepcopy(self._model).requires_grad_(requires_grad=False)
        if options.lora:
            self._model = _with_lora(self._model, options.lora, options.seed)
        # Zeros: before any training all values are 0, so an answer's advantage is its reward.
        width = self._model.config.get_text_config().hidden_size
        self.head = torch.nn.Linear(width, 1, device="meta").to_empty(device=self.device)
        for parameter in self.head.parameters():
            torch.nn.init.zeros_(parameter)

    @property
    def model(self) -> Any:
        """The model that is trained, for a trainer with its own loop."""
        return self._model

    def count_positions(self) -> None:
        """Makes both models use positions that skip padding when they are called with a mask only, as trl does.

        GPT-2 would count the left padding of a prompt (trl issue 6800), so that trl would learn from other
        probabilities than those it sampled with.
        """
        if "position_ids" in self._accepts:
            for model in filter(None, (self._model, self.start)):
                model.register_forward_pre_hook(_positioned, with_kwargs=True)

    @property
    def tokenizer(self) -> Any:
        """The checkpoint's tokenizer."""
        return self._tokens.tokenizer

    def trained(self) -> list[torch.nn.Parameter]:
        """The trained parameters, always in the same order."""
        return [one for one in (*self._model.parameters(), *self.head.parameters()) if one.requires_grad]

    def encode(self, prompts: Sequence[str], *, chat: bool) -> list[Tokenized]:
        """The prompts as tokens.

        Raises:
            UsageError: a prompt leaves no room for the longest answer.
        """
        longest = self._options.sampling.max_new_tokens
        requests = [Request(str(number), 0, prompt, 0) for number, prompt in enumerate(prompts)]
        encoded = self._tokens.encode(requests, "chat" if chat else "", context_of(self._model), longest)
        if full := [one for one in encoded if one.limit < longest]:
            raise UsageError(
                f"prompt {full[0].request.item} has {len(full[0].ids)} tokens, which leaves no room for {longest} more "
                f"in the model's context: shorten it or lower max_new_tokens"
            )
        return encoded

    def encode_answer(self, prompt: Tokenized, text: str, *, ended: bool) -> list[int]:
        """An answer as tokens to append to its prompt's tokens; truncated at the end of the context.

        Args:
            prompt: as tokens.
            text: of the answer.
            ended: whether to add the end-of-text token; False for a truncated answer.
        """
        ids: list[int] = self.tokenizer(text, add_special_tokens=False)["input_ids"]
        if ended and self.tokenizer.eos_token_id is not None:
            ids.append(self.tokenizer.eos_token_id)
        context = context_of(self._model)
        return ids[: None if context is None else context - len(prompt.ids)]

    def decode(self, prompt: Tokenized, tokens: list[int]) -> Answer:
        """The answer that the tokens behind a prompt form."""
        return self._answer(prompt, tokens)

    def draw(self, prompts: Sequence[Tokenized], uniform: Tensor) -> tuple[Answers, list[Answer]]:
        """Answers as tokens and as text.

        Args:
            prompts: one for each answer.
            uniform: numbers from 0 to 1, (answers, longest answer); each decides one token.
        """
        size = self._draw_batch or len(prompts)
        parts = [self._drawn(prompts[at : at + size], uniform[at : at + size]) for at in range(0, len(prompts), size)]
        answers, texts = zip(*parts, strict=True)
        return joined(answers, self._model.generation_config.pad_token_id), [one for part in texts for one in part]

    def _drawn(self, prompts: Sequence[Tokenized], uniform: Tensor) -> tuple[Answers, list[Answer]]:
        from transformers import GenerationConfig, LogitsProcessorList

        ids, mask = self._padded(prompts)
        start = ids.shape[1]
        inverse = Inverse(uniform.to(ids.device), start, self._options.sampling.temperature)
        with torch.no_grad(), self._computing():
            ids = self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                generation_config=GenerationConfig(do_sample=False, max_new_tokens=uniform.shape[1]),
                logits_processor=LogitsProcessorList([inverse]),
            )
        ended = torch.isin(ids[:, start:], torch.tensor(sorted(self._ends), device=ids.device))
        answered = ended.cumsum(dim=1) - ended.long() == 0
        texts = [self._answer(one, row[start:].tolist()) for one, row in zip(prompts, ids.cpu(), strict=True)]
        return Answers(ids, torch.cat([mask.bool(), answered], dim=1), start), texts

    def read(self, answers: Answers) -> tuple[Tensor, Tensor]:
        """Log-probabilities (answers, tokens, vocabulary) and values (answers, tokens) before each token."""
        logits, states = self._before(self._model, answers)
        return logits, self.head(states).squeeze(-1)

    def read_start(self, answers: Answers) -> Tensor:
        """Log-probabilities of the frozen start, (answers, tokens, vocabulary), before each token."""
        with torch.no_grad(), self._started() as model:
            return self._before(model, answers)[0]

    def save(self, folder: Path) -> None:
        """Writes weights, tokenizer and, if there is one, the adapter, so that ``hf:FOLDER`` can load them."""
        model = self._model
        with quiet():
            if self._lora:
                model.save_pretrained(folder / _ADAPTER)
                # Merged into a copy: unmerging would not restore the same bits.
                model = copy.deepcopy(model).merge_and_unload()
            model.save_pretrained(folder)
            self._tokens.tokenizer.save_pretrained(folder)

    def restore(self, folder: Path) -> None:
        """Loads the weights that :meth:`save` wrote."""
        from safetensors.torch import load_file
        from transformers import AutoModelForCausalLM

        with quiet():
            if self._lora:
                from peft import set_peft_model_state_dict

                set_peft_model_state_dict(self._model, load_file(folder / _ADAPTER / "adapter_model.safetensors"))
            else:
                saved = AutoModelForCausalLM.from_pretrained(folder, dtype="float32", local_files_only=True)
                self._model.load_state_dict(saved.state_dict())

    def _before(self, model: Any, answers: Answers) -> tuple[Tensor, Tensor]:
        """Log-probabilities and last hidden states at the position before each of the answers' tokens."""
        length = answers.ids.shape[1] - answers.start
        optional = {"position_ids": _positions(answers.mask), "logits_to_keep": length + 1}
        with self._computing(), self._recomputing():
            output = model(
                input_ids=answers.ids,
                attention_mask=answers.mask.long(),
                output_hidden_states=True,
                use_cache=False,
                **{name: value for name, value in optional.items() if name in self._accepts},
            )
        # The output at a position predicts the next token, so both begin one position before the answer.
        logits, states = (part[:, -length - 1 : -1].float() for part in (output.logits, output.hidden_states[-1]))
        return torch.log_softmax(logits / self._options.sampling.temperature, dim=-1), states

    @contextlib.contextmanager
    def _started(self) -> Iterator[Any]:
        if self.start is not None:
            yield self.start
            return
        with self._model.disable_adapter():
            yield self._model

    @contextlib.contextmanager
    def _recomputing(self) -> Iterator[None]:
        """A layer does it in training mode only; dropout within it stays off."""
        for layer in self._recomputed:
            layer.training = torch.is_grad_enabled()
        try:
            yield
        finally:
            for layer in self._recomputed:
                layer.training = False

    def _computing(self) -> AbstractContextManager[Any]:
        return torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self._bf16)


def recomputed_layers(model: Any) -> list[Any]:
    """The layers, which from now on compute again what a backward pass needs, as long as they are in training mode."""
    # Its name in newer versions of transformers, and in older ones.
    enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
    enable({"use_reentrant": False})
    return [module for module in model.modules() if isinstance(module, GradientCheckpointingLayer)]


def _positions(mask: Tensor) -> Tensor:
    return (mask.long().cumsum(dim=1) - 1).clamp_min(0)


def _positioned(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    mask, ids = kwargs.get("attention_mask"), kwargs.get("input_ids")
    if kwargs.get("position_ids") is None and mask is not None and ids is not None and mask.shape == ids.shape:
        kwargs["position_ids"] = _positions(mask)
    return args, kwargs


class Inverse:
    """A logits processor that samples from the softmax by inverse transform: greedy decoding then takes the sample.

    Devroye, "Non-Uniform Random Variate Generation" (1986), III.2.1.
    """

    def __init__(self, uniform: Tensor, start: int, temperature: float) -> None:
        self._uniform, self._start, self._temperature = uniform.double(), start, temperature

    def __call__(self, ids: Tensor, scores: Tensor) -> Tensor:
        """Scores (rows, vocabulary): 0 for the sampled token, minus infinity for all others."""
        at = ids.shape[1] - self._start
        sums = torch.softmax(scores.double() / self._temperature, dim=-1).cumsum(dim=-1)
        below = self._uniform[:, at : at + 1] * sums[:, -1:]
        token = torch.searchsorted(sums, below, right=True).clamp_max(scores.shape[1] - 1)
        return torch.full_like(scores, -torch.inf).scatter(1, token, 0.0)


def _with_lora(model: Any, rank: int, seed: int) -> Any:
    """The model with adapters in all linear layers except the last."""
    from peft import LoraConfig, get_peft_model

    config = LoraConfig(r=rank, lora_alpha=2 * rank, target_modules="all-linear", task_type="CAUSAL_LM")
    with quiet(), torch.random.fork_rng():
        torch.manual_seed(seed)
        return get_peft_model(model, config).eval()
