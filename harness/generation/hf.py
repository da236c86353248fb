"""``hf:`` a causal or sequence-to-sequence checkpoint, run by transformers.

Kept on purpose:

- An answer depends only on its prompt and its seed. Prompts are left-padded, every row draws from its own random
  generator, and a row with less room than the others is run alone.
- The longest prompts come first, so that a batch that does not fit memory fails at once and is halved.
- Of the checkpoint's generation settings only the ids of special tokens are used: its penalties and temperatures would
  make two engines, or two checkpoints, incomparable.
"""

import contextlib
import os
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation.adapters import load_adapter
from apigauge.harness.generation.checkpoint import Checkpoint, described_code
from apigauge.harness.generation.model_generator import ModelGenerator, checkpoint_generator
from apigauge.harness.generation.options import ModelOptions, Resampled
from apigauge.harness.generation.tokens import CheckpointTokenizer, Tokenized
from apigauge.harness.generation.types import Answer, Request, Stop
from apigauge.harness.generation.weights import is_pair, is_quantized, load_weights

_BATCH = 32
_DTYPES = ("auto", "float32", "bfloat16", "float16")
_TOKEN_IDS = ("pad_token_id", "bos_token_id", "eos_token_id", "decoder_start_token_id", "forced_bos_token_id")


def open_generator(argument: str, options: ModelOptions) -> ModelGenerator:
    """The backend ``hf:``."""
    return checkpoint_generator("hf", argument, options, HF)


class HF(Resampled):
    """A checkpoint in this process.

    Raises:
        UsageError: an option makes no sense for this backend.
        ModelError: the checkpoint is not a generative model or has no tokenizer, or the adapter is for another model.
    """

    is_identified = True

    def __init__(self, checkpoint: Checkpoint, adapter: Checkpoint | None, options: ModelOptions) -> None:
        if options.dtype not in _DTYPES:
            raise UsageError(f"--dtype {options.dtype}: give one of {', '.join(_DTYPES)}")
        self.problems: list[str] = []
        # Earlier answers are scored at the same time: spinning threads would take the cores from scoring and sandbox.
        os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
        self._checkpoint, self._adapter, self._options = checkpoint, adapter, options
        trusts = options.trust_remote_code
        self._is_pair = is_pair(checkpoint, trust_remote_code=trusts)
        if adapter and options.merge and checkpoint.quantization():
            raise UsageError("--adapter: merging it into quantised weights would round it; give --no-merge")
        with quiet():
            self._tokens = CheckpointTokenizer(checkpoint, adapter, trust_remote_code=trusts, is_pair=self._is_pair)
            self._model = load_weights(checkpoint, options, has_encoder=self._is_pair)
            self._quantization = checkpoint.quantization()
            if self._quantization and not is_quantized(self._model):
                self._quantization += ", dequantized"
            if adapter:
                self._model = load_adapter(self._model, adapter, self._tokens, merge=options.merge)
        self._model.eval()
        self._embedded = _embedded_tokens(self._model)
        self._ends = _prepare(self._model, self._tokens.tokenizer, self._embedded)
        self._stop = Stop()

    def describe(self) -> dict[str, Any]:
        """Weights, adapter, tokenizer, dtype, kind of device, libraries."""
        import torch
        import transformers

        brought = {self._tokens.source: "adapter"} if self._tokens.source else {}
        merged = {"merged": self._options.merge}
        adapter = {**self._adapter.describe(), **merged, **brought} if self._adapter else None
        return {
            "kind": "hf",
            **self._checkpoint.describe(),
            "adapter": adapter,
            **({"quantization": self._quantization} if self._quantization else {}),
            **described_code(self._options.trust_remote_code, self._checkpoint, self._adapter),
            **self._tokens.describe(),
            "dtype": str(self._model.dtype).removeprefix("torch."),
            "device": self._model.device.type,
            "engine": f"transformers {transformers.__version__}, torch {torch.__version__.partition('+')[0]}",
        }

    @property
    def parameters(self) -> int:
        """How many weights the model has: tied ones once, those of an adapter that was not merged too."""
        return int(self._model.num_parameters())

    @property
    def has_chat(self) -> bool:
        """Whether the tokenizer has a chat template."""
        return self._tokens.has_chat

    @property
    def chat_template(self) -> str:
        """The tokenizer's chat template; empty if it has none."""
        return self._tokens.chat_template

    def chat(self, message: str) -> str:
        """The message in the tokenizer's template."""
        return self._tokens.chat(message, self._options.prompting)

    def answer(self, requests: Sequence[Request], style: str) -> Iterator[tuple[Request, Answer]]:
        """Answers batch by batch, the longest prompts first.

        Raises:
            UsageError: a prompt leaves no room for an answer.
            ModelError: not even one prompt fits memory.
        """
        longest = self._options.sampling.max_new_tokens
        if self._is_pair:
            encoder, decoder = positions_of_pair(self._model)
            longest = longest if decoder is None else min(longest, decoder)
            work = self._tokens.encode(requests, style, None, longest, encoder)
        else:
            work = self._tokens.encode(requests, style, context_of(self._model), longest)
        self._refuse_unembedded(work)
        work.sort(key=lambda one: (-len(one.ids), one.request.item, one.request.sample))
        size, at = self._options.batch_size or _BATCH, 0
        self._stop = stop = Stop()
        while at < len(work) and not stop.is_set:
            batch = work[at : at + size]
            # A row with less room than the others would stop the whole batch where its context ends.
            if any(one.limit < longest for one in batch):
                batch = batch[:1]
            answers = self._try_batch(batch)
            if stop.is_at_once:
                return  # the batch was cut off where it was
            if answers is not None:
                at += len(batch)
                yield from zip((one.request for one in batch), answers, strict=True)
            elif len(batch) > 1:
                size = len(batch) // 2
            else:
                raise ModelError(
                    f"item {batch[0].request.item}: its prompt of {len(batch[0].ids)} tokens alone does not fit "
                    "memory; try --dtype bfloat16, a smaller --max-new-tokens or another --device"
                )

    def _refuse_unembedded(self, work: Sequence[Tokenized]) -> None:
        """Refuses prompts with tokens that the model does not have.

        Raises:
            ModelError: there are such tokens: the tokenizer is another model's.
        """
        for one in work:
            if (token := max(one.ids)) >= self._embedded:
                text = self._tokens.tokenizer.convert_ids_to_tokens(token)
                raise ModelError(
                    f"{self._checkpoint.name}: the prompt of item {one.request.item} has token {token} ({text!r}), and "
                    f"the model has {self._embedded} tokens: copy the tokenizer it was trained with into its folder"
                )

    def stop(self, *, at_once: bool) -> None:
        """Ends the answers that another thread generates: after their next token, or after their batch."""
        self._stop.set(at_once=at_once)

    def _try_batch(self, batch: Sequence[Tokenized]) -> list[Answer] | None:
        """The batch's answers; None if it does not fit memory."""
        import torch

        try:
            return self._generate(batch)
        except (torch.OutOfMemoryError, MemoryError):
            pass
        except RuntimeError as error:
            if "can't allocate memory" not in str(error):  # the message of the CPU's allocator
                raise
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        return None

    def _generate(self, batch: Sequence[Tokenized]) -> list[Answer]:
        import torch
        from transformers import GenerationConfig, StoppingCriteriaList

        ids, mask = self._padded(batch)
        start = 1 if self._is_pair else ids.shape[1]
        stops = StopTexts(self._tokens, self._options.sampling.stop, start, len(batch))
        logits = {"return_dict_in_generate": True, "output_logits": True} if self._options.first_tokens else {}
        with torch.inference_mode():
            output = self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                generation_config=GenerationConfig(do_sample=False, max_new_tokens=batch[0].limit, **logits),
                logits_processor=self._draws(batch),
                stopping_criteria=StoppingCriteriaList(
                    [*([stops] if self._options.sampling.stop else []), Interrupted(self._stop)]
                ),
            )
        sequences = output.sequences if self._options.first_tokens else output
        answers = [
            self._answer(one, row[start:][:length].tolist())
            for one, row, length in zip(batch, sequences.cpu(), stops.lengths, strict=True)
        ]
        if not self._options.first_tokens:
            return answers
        firsts = self._first_tokens(output.logits[0])
        return [one._replace(first_tokens=first) for one, first in zip(answers, firsts, strict=True)]

    def _first_tokens(self, logits: Any) -> list[tuple[tuple[str, float], ...]]:
        """The likeliest tokens of each row of logits (rows, vocabulary), with their log probabilities."""
        rows = logits.float().log_softmax(dim=-1)
        values, tokens = rows.topk(min(self._options.first_tokens, rows.shape[1]), dim=-1)
        return [
            tuple((self._tokens.decode([token]), value) for token, value in zip(*pair, strict=True))
            for pair in zip(tokens.tolist(), values.tolist(), strict=True)
        ]

    def _padded(self, batch: Sequence[Tokenized]) -> tuple[Any, Any]:
        """Token ids and mask, (rows, longest prompt) each: left-padded, for an encoder right-padded."""
        import torch

        width = max(len(one.ids) for one in batch)
        pad = self._model.generation_config.pad_token_id
        ids, mask = torch.full((len(batch), width), pad), torch.zeros((len(batch), width), dtype=torch.long)
        for row, one in enumerate(batch):
            place = slice(0, len(one.ids)) if self._is_pair else slice(width - len(one.ids), width)
            ids[row, place], mask[row, place] = torch.tensor(one.ids), 1
        return ids.to(self._model.device), mask.to(self._model.device)

    def _answer(self, one: Tokenized, tokens: list[int]) -> Answer:
        return self._tokens.answer(one, tokens, self._ends, self._options.sampling.stop)

    def _draws(self, batch: Sequence[Tokenized]) -> Any:
        """The logits processors that turn greedy decoding into sampling; none if sampling is greedy."""
        from transformers import LogitsProcessorList, TemperatureLogitsWarper, TopKLogitsWarper, TopPLogitsWarper

        sampling = self._options.sampling
        if sampling.is_greedy:
            return LogitsProcessorList()
        steps: list[Any] = [TemperatureLogitsWarper(sampling.temperature)]
        steps += [TopKLogitsWarper(sampling.top_k)] if sampling.top_k else []
        steps += [TopPLogitsWarper(sampling.top_p)] if sampling.top_p < 1 else []
        return LogitsProcessorList([*steps, Gumbel([one.request.seed for one in batch])])


class Gumbel:
    """Noise that makes the largest logit a draw from the softmax, with a random generator for each row.

    Gumbel, "Statistical Theory of Extreme Values and Some Practical Applications" (1954); Maddison et al., "A*
    Sampling" (2014), section 2. A row's draws do not depend on what else is in the batch.
    """

    def __init__(self, seeds: Sequence[int]) -> None:
        import torch

        # On the CPU, so that every device draws the same numbers.
        self._generators = [torch.Generator().manual_seed(seed) for seed in seeds]

    def __call__(self, _ids: Any, scores: Any) -> Any:
        """Scores (rows, vocabulary) with noise."""
        import torch

        rows = [torch.rand(scores.shape[1], generator=generator) for generator in self._generators]
        uniform = torch.stack(rows).clamp_min(torch.finfo(torch.float32).tiny)
        return scores.float() - torch.log(-torch.log(uniform)).to(scores.device)


class StopTexts:
    """Ends a row of a batch as soon as its answer has a stop text. The prompt is not looked at.

    It only saves work: the answer is cut at the first stop text in its whole text, as every engine's is. transformers'
    own criterion reads prompt and answer as one text, so that a stop text may begin in the prompt's end.

    Attributes:
        lengths: the tokens of each row's answer, the stop text with it; None where there was none.
    """

    def __init__(self, tokens: CheckpointTokenizer, stop: Sequence[str], start: int, rows: int) -> None:
        self.lengths: list[int | None] = [None] * rows
        self._tokens, self._stop, self._start = tokens, stop, start
        self._ids = tokens.stop_ids(stop)
        # Each token of a text has a byte at least; a few more, since special tokens have none.
        self._window = max((len(text.encode()) for text in stop), default=0) + 8

    def __call__(self, ids: Any, _scores: Any, **_: Any) -> Any:
        """Which rows have ended: (rows,)."""
        import torch

        tails = ids[:, max(self._start, ids.shape[1] - self._window) :].tolist()
        for row, tail in enumerate(tails):
            if self.lengths[row] is None and self._ends(tail):
                self.lengths[row] = ids.shape[1] - self._start
        return torch.tensor([length is not None for length in self.lengths], device=ids.device)

    def _ends(self, tail: Sequence[int]) -> bool:
        if tail[-1] in self._ids:
            return True
        # Half a character at either end is none that was answered.
        text = self._tokens.decode(tail).strip("\ufffd")
        return any(stop in text for stop in self._stop)


class Interrupted:
    """Ends a whole batch after its next token, once it is to end at once.

    A thread that is left inside torch while the interpreter ends would abort the process.
    """

    def __init__(self, stop: Stop) -> None:
        self._stop = stop

    def __call__(self, ids: Any, _scores: Any, **_: Any) -> Any:
        """Which rows have ended: (rows,)."""
        import torch

        return torch.full((ids.shape[0],), self._stop.is_at_once, device=ids.device)


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Suppresses the progress bars and warnings of transformers while a checkpoint is loaded; errors are raised."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.set_verbosity(before)


def _embedded_tokens(model: Any) -> int:
    """How many tokens the model has an embedding of."""
    return int(model.get_input_embeddings().weight.shape[0])


def _prepare(model: Any, tokenizer: Any, embedded: int) -> frozenset[int]:
    """Reduces the checkpoint's generation settings to the ids of special tokens; returns those that end an answer."""
    from transformers import GenerationConfig

    ids = {name: getattr(model.generation_config, name, None) for name in _TOKEN_IDS}
    ends = ids["eos_token_id"]
    ends = {*(ends if isinstance(ends, list) else [ends]), tokenizer.eos_token_id} - {None}
    pads = (tokenizer.pad_token_id, ids["pad_token_id"], tokenizer.eos_token_id, *sorted(ends), 0)
    # Padding is masked, so that any token does that the model has.
    ids["pad_token_id"] = next(pad for pad in pads if pad is not None and pad < embedded)
    ids["eos_token_id"] = sorted(ends) or None
    model.generation_config = GenerationConfig(**ids)
    return frozenset(ends)


def context_of(model: Any) -> int | None:
    """The length of the model's context in tokens; None if there is no limit."""
    config = model.config.get_text_config()
    names = ("max_position_embeddings", "n_positions", "max_sequence_length", "max_seq_len")
    lengths = (getattr(config, name, None) for name in names)
    return next((value for value in lengths if isinstance(value, int) and value > 0), None)


def positions_of_pair(model: Any) -> tuple[int | None, int | None]:
    """How many tokens an encoder and a decoder have positions for; None for one without a limit.

    Positions that are relative (T5) or computed as they are needed (M2M100, NLLB) have none.
    """
    if any(hasattr(module, "make_weights") for module in model.modules()):
        return None, None
    whole = model.config

    def length(part: Any, *names: str) -> int | None:
        values = (getattr(part, name, None) for name in (*names, "max_position_embeddings"))
        return next((value for value in values if isinstance(value, int) and value > 0), None)

    return (
        length(getattr(whole, "encoder", whole), "max_encoder_position_embeddings"),
        length(getattr(whole, "decoder", whole), "max_decoder_position_embeddings"),
    )
