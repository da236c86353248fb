"""The generator of every backend that runs a model: prompts, seeds, the cache of completions."""

import hashlib
import logging
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Protocol

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.generation import checkpoint
from apigauge.harness.generation.cache import Cache
from apigauge.harness.generation.checkpoint import Checkpoint
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.prompts import Prompting, render_with_documents
from apigauge.harness.generation.refusals import HARMLESS
from apigauge.harness.generation.sampling import Sampling, seed_of
from apigauge.harness.generation.types import Answer, Completion, Engine, Recording, Request


class CheckpointEngine(Protocol):
    """Opens a checkpoint: the class of an engine, or a function."""

    def __call__(self, checkpoint: Checkpoint, adapter: Checkpoint | None, options: ModelOptions) -> Engine:
        """The engine of the checkpoint, with an adapter or without one."""
        ...


def checkpoint_generator(kind: str, argument: str, options: ModelOptions, engine: CheckpointEngine) -> "ModelGenerator":
    """The generator for a checkpoint in Hugging Face's format.

    Args:
        kind: the backend's name; the manifest's ``spec`` begins with it.
        argument: path or id of the checkpoint.
        options: the options of the model and its answers.
        engine: opens the checkpoint.

    Raises:
        UsageError: options exclude one another.
        ModelError: the checkpoint or the adapter is unavailable.
    """
    weights = checkpoint.find(argument)
    adapter = checkpoint.find(options.adapter) if options.adapter else None
    for files in (weights, adapter):
        if options.trust_remote_code and files and files.has_code():
            logging.getLogger(__name__).warning(
                "--trust-remote-code: Python code of %s runs on this machine, with all your rights", files.name
            )
    spec = f"{kind}:{weights.name}" + (f"+{adapter.name}" if adapter else "")
    opened = engine(weights, adapter, options)
    return ModelGenerator(opened, options.sampling, options.prompting, spec, cached=options.cached)


class ModelGenerator:
    """A generator that takes answers from the cache, and the others from an engine.

    Args:
        engine: the model.
        sampling: how answers are drawn.
        prompting: how prompts are made.
        spec: the model as the user named it, without the parts that are true of one machine only.
        cached: whether completions are cached; by default those of an engine that is identified.
    """

    def __init__(
        self, engine: Engine, sampling: Sampling, prompting: Prompting, spec: str, *, cached: bool | None = None
    ) -> None:
        self._engine, self._sampling, self._prompting, self._spec = engine, sampling, prompting, spec
        self._style = prompting.resolve(has_chat=engine.has_chat)
        self._cached = engine.is_identified if cached is None else cached
        self.problems: list[str] = engine.problems
        self.samples = sampling.samples
        # What a server refused, by the answers that it gave nevertheless.
        self._left_out: set[str] = set()
        self._renamed: dict[str, str] = {}
        self._documents: dict[str, str] = {}
        self.hits = 0
        self.unanswered = 0

    def describe(self) -> dict[str, Any]:
        """The engine, the sampling and the prompting; fields that a server refused, from the first such answer on."""
        return {
            "spec": self._spec,
            **self._engine.describe(),
            "sampling": asdict(self._sampling) | {"stop": list(self._sampling.stop)},
            **self._prompting.describe(self._style),
            **({"left_out": sorted(self._left_out)} if self._left_out else {}),
            **({"renamed": dict(sorted(self._renamed.items()))} if self._renamed else {}),
            # No part of the engine's own description, on which the keys of cached completions depend.
            **({"parameters": parameters} if (parameters := getattr(self._engine, "parameters", 0)) else {}),
        }

    def sampled(self, sampling: Sampling) -> "ModelGenerator":
        """The same model under another sampling; nothing is loaded again."""
        return ModelGenerator(
            self._engine.sampled(sampling), sampling, self._prompting, self._spec, cached=self._cached
        )

    def over(self, wrap: Callable[[Engine], Engine]) -> "ModelGenerator":
        """The same generator over another engine, which is made of this one."""
        return ModelGenerator(wrap(self._engine), self._sampling, self._prompting, self._spec, cached=self._cached)

    @property
    def engine(self) -> Engine:
        """The model."""
        return self._engine

    @property
    def chat_template(self) -> str:
        """The checkpoint's chat template as text; empty if it has none, or a server applies it."""
        return str(getattr(self._engine, "chat_template", ""))

    def prompts(self, benchmark: Benchmark, items: Sequence[Item]) -> list[str]:
        """The text that the model reads for each item; for a server's chat, the user's message."""
        return [prompt for prompt, _ in self._rendered(benchmark, items)]

    def _rendered(self, benchmark: Benchmark, items: Sequence[Item]) -> list[tuple[str, str]]:
        return render_with_documents(benchmark, items, self._prompting, self._style, self._engine.chat)

    def generate(
        self, benchmark: Benchmark, items: Sequence[Item], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[Completion]:
        """The answers in the cache, then the engine's, each as soon as it is ready."""
        rendered = self._rendered(benchmark, items)
        self._documents = {item.id: document for item, (_, document) in zip(items, rendered, strict=True)}
        requests = [
            Request(item.id, sample, prompt, seed_of(self._sampling.seed, item.id, sample))
            for item, (prompt, _) in zip(items, rendered, strict=True)
            for sample in range(self._sampling.samples)
            if (item.id, sample) not in done
        ]
        # An answer depends on its own seed, not on the number of samples or the run's seed.
        sampling = {key: value for key, value in asdict(self._sampling).items() if key not in ("samples", "seed")}
        identity = {**self._engine.describe(), "sampling": sampling, "style": self._style}
        identity |= self._prompting.chat_settings()
        if self._sampling.stop:
            identity["stops"] = "in the answer only"  # earlier versions looked for them in the prompt's end too
        cache = Cache(identity, model=self._spec) if self._cached else None
        missing = []
        for request in requests:
            cached = cache.get(request.prompt, self._seed(request)) if cache else None
            if cached is None:
                missing.append(request)
            else:
                self.hits += 1
                yield replace(self._completion(request, cached), cached=True)
        self.unanswered = len(missing)
        for request, raw_answer in self._engine.answer(missing, self._style) if missing else ():
            self.unanswered -= 1
            answer = _without_half_character(raw_answer)
            if cache:
                cache.put(request.prompt, self._seed(request), answer)
            yield self._completion(request, answer)

    def record_in(self, folder: Path) -> None:
        """Has the engine keep its record there, if it has one."""
        if isinstance(self._engine, Recording):
            self._engine.record_in(folder)

    def stop(self, *, at_once: bool) -> None:
        """Ends the engine's answers, from another thread."""
        self._engine.stop(at_once=at_once)

    def _completion(self, request: Request, answer: Answer) -> Completion:
        for name in set(answer.left_out) - self._left_out - HARMLESS:
            self.problems.append(f"the server refuses {name}: it is left out, and the server's own value holds")
        self._left_out.update(answer.left_out)
        self._renamed.update(answer.renamed)
        return Completion(
            request.item,
            request.sample,
            answer.text,
            answer.finish_reason,
            answer.prompt_tokens,
            answer.completion_tokens,
            hashlib.sha256(request.prompt.encode("utf-8", "surrogatepass")).hexdigest(),
            answer.reasoning,
            batch=answer.batch,
            document="" if request.sample else self._documents.get(request.item, ""),
        )

    def _seed(self, request: Request) -> int | None:
        """The seed in the cache key; None for greedy decoding, which does not depend on it."""
        return None if self._sampling.is_greedy else request.seed


def _without_half_character(answer: Answer) -> Answer:
    """An answer cut inside a character, without the U+FFFD that some engines write there and others do not."""
    return answer._replace(text=answer.text.rstrip("\ufffd")) if answer.finish_reason == "length" else answer
