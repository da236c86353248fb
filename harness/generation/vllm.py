"""``vllm:`` a checkpoint run by vLLM's offline engine: continuous batching, prefix caching, LoRA, several GPUs."""

import os
from collections.abc import Iterator, Sequence
from typing import Any

from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation.adapters import adapter_config, stored_rows, tensor_shapes
from apigauge.harness.generation.checkpoint import Checkpoint, described_code
from apigauge.harness.generation.model_generator import ModelGenerator, checkpoint_generator
from apigauge.harness.generation.options import ModelOptions, Resampled
from apigauge.harness.generation.tokens import CheckpointTokenizer, Tokenized
from apigauge.harness.generation.types import Answer, Request, Stop


def open_generator(argument: str, options: ModelOptions) -> ModelGenerator:
    """The backend ``vllm:``."""
    return checkpoint_generator("vllm", argument, options, VLLM)


class VLLM(Resampled):
    """vLLM's engine on one checkpoint.

    Raises:
        UsageError: vLLM is not installed.
        ModelError: it cannot run the checkpoint.
    """

    is_identified = True

    def __init__(self, checkpoint: Checkpoint, adapter: Checkpoint | None, options: ModelOptions) -> None:
        # Standard output belongs to the result.
        os.environ.setdefault("VLLM_LOGGING_STREAM", "ext://sys.stderr")
        os.environ.setdefault("VLLM_LOGGING_LEVEL", "ERROR")
        try:
            import vllm
            from vllm.platforms import current_platform
        except ImportError as error:
            raise UsageError(
                f"--model vllm: needs vLLM, which cannot be imported here ({error}); pip install vllm"
            ) from error
        self.problems: list[str] = []
        self._checkpoint, self._adapter, self._options = checkpoint, adapter, options
        self._tokens = CheckpointTokenizer(checkpoint, adapter, trust_remote_code=options.trust_remote_code)
        if adapter:
            refuse_added_tokens(checkpoint, adapter, self._tokens)
        on_cpu = current_platform.is_cpu()
        self._device = "cpu" if on_cpu else current_platform.device_type
        more: dict[str, Any] = {"enable_lora": True, "max_lora_rank": _lora_rank(adapter)} if adapter else {}
        if on_cpu and not options.sampling.is_greedy:
            # Chunked prefill resets the random generator of a request, which fails on the CPU (vLLM 0.32).
            more["enable_chunked_prefill"] = False
        try:
            self._llm = vllm.LLM(
                model=str(checkpoint.folder),
                # Its own decoding only finds stop texts; the answers' text is ours, as for hf:.
                tokenizer=str(self._tokens.folder),
                trust_remote_code=options.trust_remote_code,
                dtype=options.dtype,
                tensor_parallel_size=options.tensor_parallel,
                max_model_len=options.max_model_len,
                enable_prefix_caching=True,
                # On a CPU, compiling takes minutes and saves seconds.
                enforce_eager=on_cpu,
                seed=0,
                disable_log_stats=True,
                **more,
            )
        except (OSError, ValueError, RuntimeError, AssertionError, KeyError) as error:
            raise ModelError(f"vLLM cannot run {checkpoint.name}: {error}") from error
        self._stop = Stop()
        self._lora = _lora_request(adapter) if adapter else None
        self._ends = checkpoint.end_ids() | {self._tokens.tokenizer.eos_token_id} - {None}

    def describe(self) -> dict[str, Any]:
        """Weights, adapter, tokenizer, dtype, kind of device, version."""
        import vllm

        config = self._llm.llm_engine.model_config
        brought = {self._tokens.source: "adapter"} if self._tokens.source else {}
        quantization = self._checkpoint.quantization()
        return {
            "kind": "vllm",
            **self._checkpoint.describe(),
            "adapter": {**self._adapter.describe(), **brought} if self._adapter else None,
            **({"quantization": quantization} if quantization else {}),
            **described_code(self._options.trust_remote_code, self._checkpoint, self._adapter),
            **self._tokens.describe(),
            "dtype": str(config.dtype).removeprefix("torch."),
            "device": self._device,
            "max_model_len": config.max_model_len,
            "engine": f"vllm {vllm.__version__}",
        }

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
        """Each answer as soon as it is ready; the engine gets all requests at the start and batches them itself.

        Raises:
            UsageError: a prompt leaves no room for an answer.
        """
        from vllm import SamplingParams

        sampling, engine = self._options.sampling, self._llm.llm_engine
        context = int(engine.model_config.max_model_len)
        work = self._tokens.encode(requests, style, context, sampling.max_new_tokens)
        for number, one in enumerate(work):
            parameters = SamplingParams(
                max_tokens=one.limit,
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                top_k=sampling.top_k or -1,
                seed=None if sampling.is_greedy else one.request.seed,
                stop=list(sampling.stop),
                stop_token_ids=sorted(self._tokens.stop_ids(sampling.stop)),
                logprobs=self._options.first_tokens or None,
            )
            lora = {"lora_request": self._lora} if self._lora else {}
            engine.add_request(str(number), {"prompt_token_ids": one.ids}, parameters, **lora)
        self._stop = stop = Stop()
        try:
            while engine.has_unfinished_requests() and not stop.is_set:
                for output in self._step():
                    if output.finished:
                        one = work[int(output.request_id)]
                        yield one.request, self._answer(one, output.outputs[0])
        finally:
            engine.abort_request([str(number) for number in range(len(work))])

    def stop(self, *, at_once: bool) -> None:
        """Ends the answers that another thread generates after the engine's next step: it has begun all of them."""
        self._stop.set(at_once=at_once)

    def _step(self) -> list[Any]:
        try:
            return list(self._llm.llm_engine.step())
        except Exception as error:  # the engine raises what it likes
            raise ModelError(
                f"vLLM stopped: {error}. The answers so far are kept; set VLLM_LOGGING_LEVEL=INFO for more"
            ) from error

    def _answer(self, one: Tokenized, output: Any) -> Answer:
        answer = self._tokens.answer(one, list(output.token_ids), self._ends, self._options.sampling.stop)
        if self._options.first_tokens:
            answer = answer._replace(first_tokens=self._first_tokens(output))
        return answer if answer.finish_reason == "stop" else answer._replace(finish_reason=str(output.finish_reason))

    def _first_tokens(self, output: Any) -> tuple[tuple[str, float], ...]:
        first = output.logprobs[0] if output.logprobs else {}
        return tuple((self._tokens.decode([token]), float(one.logprob)) for token, one in first.items())


def refuse_added_tokens(checkpoint: Checkpoint, adapter: Checkpoint, tokens: CheckpointTokenizer) -> None:
    """Refuses an adapter that trained embeddings, or whose tokens are more than the model's: vLLM would ignore them.

    vLLM had a place for added tokens (``lora_extra_vocab_size``) up to 0.11; whole layers it never loaded.
    """
    config = adapter_config(adapter)
    rows = checkpoint.config().get("vocab_size")
    trained = [name for name in ("modules_to_save", "trainable_token_indices") if config.get(name)]
    layers = [name for name in ("embed_tokens", "lm_head", "wte") if stored_rows(tensor_shapes(adapter), name)]
    count = len(tokens.tokenizer)
    reason = ""
    if isinstance(rows, int) and count > rows:
        reason = f"its tokenizer has {count} tokens and the model {rows}"
    elif trained or layers:
        reason = f"it trained whole layers or single tokens ({', '.join([*trained, *layers])})"
    if reason:
        raise ModelError(
            f"--adapter {adapter.name}: {reason}, which vLLM does not load with an adapter. Use hf:, or merge the "
            "adapter into its model (merge_and_unload, save_pretrained) and give the whole checkpoint"
        )


def _lora_rank(adapter: Checkpoint) -> int:
    """The smallest of vLLM's ranks that holds the adapter."""
    try:
        rank = int(adapter_config(adapter)["r"])
    except (ValueError, KeyError, TypeError) as error:
        raise ModelError(f"--adapter {adapter.name} is no LoRA adapter ({error!r}); vLLM runs no other kind") from error
    return next((size for size in (8, 16, 32, 64, 128, 256, 320, 512) if size >= rank), rank)


def _lora_request(adapter: Checkpoint) -> Any:
    from vllm.lora.request import LoRARequest

    return LoRARequest("adapter", 1, str(adapter.folder))
