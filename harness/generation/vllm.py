"""``vllm:`` a checkpoint run by vLLM's offline engine: continuous batching, prefix caching, LoRA, several GPUs."""

import json
import os
from collections.abc import Iterator, Sequence
from typing import Any

from apigauge.errors import ModelError, UsageError
from apigauge.harness.generation.checkpoint import Checkpoint
from apigauge.harness.generation.model_generator import ModelGenerator, checkpoint_generator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import cut
from apigauge.harness.generation.tokens import CheckpointTokenizer
from apigauge.harness.generation.types import Answer, Request


def open_generator(argument: str, options: ModelOptions) -> ModelGenerator:
    """The backend ``vllm:``."""
    return checkpoint_generator("vllm", argument, options, VLLM)


class VLLM:
    """vLLM's engine on one checkpoint.

    Raises:
        UsageError: vLLM is not installed.
        ModelError: it cannot run the checkpoint.
    """

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
        self._tokens = CheckpointTokenizer(checkpoint)
        on_cpu = current_platform.is_cpu()
        self._device = "cpu" if on_cpu else current_platform.device_type
        more: dict[str, Any] = {"enable_lora": True, "max_lora_rank": _lora_rank(adapter)} if adapter else {}
        if on_cpu and not options.sampling.is_greedy:
            # Chunked prefill resets the random generator of a request, which fails on the CPU (vLLM 0.32).
            more["enable_chunked_prefill"] = False
        try:
            self._llm = vllm.LLM(
                model=str(checkpoint.folder),
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
        self._lora = _lora_request(adapter) if adapter else None

    def describe(self) -> dict[str, Any]:
        """Weights, adapter, dtype, kind of device, version."""
        import vllm

        config = self._llm.llm_engine.model_config
        return {
            "kind": "vllm",
            **self._checkpoint.describe(),
            "adapter": self._adapter.describe() if self._adapter else None,
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
        return self._tokens.chat(message)

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
            )
            lora = {"lora_request": self._lora} if self._lora else {}
            engine.add_request(str(number), {"prompt_token_ids": one.ids}, parameters, **lora)
        try:
            while engine.has_unfinished_requests():
                for output in self._step():
                    if output.finished:
                        one = work[int(output.request_id)]
                        yield one.request, self._answer(output.outputs[0], len(one.ids))
        finally:
            engine.abort_request([str(number) for number in range(len(work))])

    def _step(self) -> list[Any]:
        try:
            return list(self._llm.llm_engine.step())
        except Exception as error:  # the engine raises what it likes
            raise ModelError(
                f"vLLM stopped: {error}. The answers so far are kept; set VLLM_LOGGING_LEVEL=INFO for more"
            ) from error

    def _answer(self, output: Any, prompt_tokens: int) -> Answer:
        text, is_cut = cut(output.text, self._options.sampling.stop)
        reason = "stop" if is_cut else str(output.finish_reason)
        return Answer(text, reason, prompt_tokens, len(output.token_ids))


def _lora_rank(adapter: Checkpoint) -> int:
    """The smallest of vLLM's ranks that holds the adapter."""
    try:
        rank = int(json.loads((adapter.folder / "adapter_config.json").read_text(encoding="utf-8"))["r"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"--adapter {adapter.name} is no LoRA adapter ({error!r}); vLLM runs no other kind") from error
    return next((size for size in (8, 16, 32, 64, 128, 256, 320, 512) if size >= rank), rank)


def _lora_request(adapter: Checkpoint) -> Any:
    from vllm.lora.request import LoRARequest

    return LoRARequest("adapter", 1, str(adapter.folder))
