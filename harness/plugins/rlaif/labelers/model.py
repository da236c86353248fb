"""``openai:``, ``hf:`` and ``vllm:``: a model is asked one question at a time, and says yes or no in JSON.

What is asked makes a benchmark of its own, whose items are pairs of an answer and a question; so replies are drawn,
cached, resumed and kept verbatim as any completions are. A reply that cannot be read is drawn again with another seed,
into a run directory of its own, and is never guessed.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.evaluate import generate
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import extract
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Generator
from apigauge.harness.metrics.executability import program_of
from apigauge.harness.plugins.rlaif.labelers import Answer, Labels
from apigauge.harness.plugins.rlaif.questions import PROMPT, QUESTIONS, prompt, read_reply

# Times that a question is asked: the likeliest reply, then two that are drawn.
ROUNDS = (
    Sampling(max_new_tokens=32),
    Sampling(max_new_tokens=32, temperature=0.7, seed=1),
    Sampling(max_new_tokens=32, temperature=0.7, seed=2),
)


class Model:
    """Asks a model.

    Args:
        spec: which, as for ``--model``.
        benchmark: whose catalogue says which part of an answer is its program.
        folder: where the replies of each round are kept; None keeps none.
        options: of the model; its sampling is replaced.
    """

    def __init__(
        self, spec: str, benchmark: Benchmark, folder: Path | None = None, options: ModelOptions | None = None
    ) -> None:
        self._spec, self._benchmark, self._folder, self._options = spec, benchmark, folder, options or ModelOptions()
        self._functions = functions_of((api.call for api in benchmark.catalogue), benchmark.conventions)
        self._generators = {0: self._open(0)}

    def describe(self) -> dict[str, Any]:
        """The model, the prompt and the questions."""
        return {
            "kind": "model",
            "questions": QUESTIONS,
            "prompt": PROMPT,
            "rounds": len(ROUNDS),
            "model": self._generators[0].describe(),
        }

    def label(
        self, answers: Sequence[Answer], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[tuple[Answer, Labels]]:
        """In order, once all questions of all answers were asked; what was asked before is not asked again."""
        items = [self._item(answer, name) for answer in answers for name in QUESTIONS]
        said: dict[str, list[str]] = {item.id: [] for item in items}
        for number in range(len(ROUNDS)):
            waiting = [item for item in items if not said[item.id] or read_reply(said[item.id][-1]) is None]
            if waiting:
                for name, text in self._ask(number, items, waiting).items():
                    said[name].append(text)
        for answer in answers:
            replies = {name: said[_key(answer, name)] for name in QUESTIONS}
            if all(replies.values()) and (answer.item.id, answer.sample) not in done:
                yield answer, _labels(replies)

    def _ask(self, number: int, items: Sequence[Item], waiting: Sequence[Item]) -> dict[str, str]:
        """The replies of one round to the questions that wait for one; what cannot be had is left out."""
        if number not in self._generators:
            self._generators[number] = self._open(number)
        generator = self._generators[number]
        asked = Benchmark(f"{self._benchmark.name}-feedback", tuple(items), (), _digest(items), prompt=_as_it_is)
        if self._folder is None:
            return {reply.item: reply.text for reply in generator.generate(asked, waiting)}
        run = self._folder / f"asked-{number}"
        generate(asked, generator, run, only=waiting)
        wanted = {item.id for item in waiting}
        rows = run_directory.read_rows(run / run_directory.GENERATIONS)
        return {row["item"]: row["text"] for row in rows if row["item"] in wanted}

    def _open(self, number: int) -> Generator:
        return open_generator(self._spec, replace(self._options, sampling=ROUNDS[number]))

    def _item(self, answer: Answer, name: str) -> Item:
        found = extract(answer.text, self._functions)
        program = program_of(found.call, found.program)
        text = prompt(answer.item.instruction, program.source if program else answer.text, name)
        return Item(_key(answer, name), text, "", "", "", "")


def _key(answer: Answer, name: str) -> str:
    return f"{answer.item.id}/{answer.sample}/{name}"


def _as_it_is(item: Item) -> str:
    return item.instruction


def _digest(items: Sequence[Item]) -> str:
    return hashlib.sha256("\0".join(item.instruction for item in items).encode("utf-8", "surrogatepass")).hexdigest()


def _labels(replies: dict[str, list[str]]) -> Labels:
    read = {name: [read_reply(text) for text in said] for name, said in replies.items()}
    return Labels(
        {name: said[-1] for name, said in read.items()},
        replies,
        unparsable=sum(said.count(None) for said in read.values()),
        retried=sum(len(said) > 1 for said in read.values()),
    )
