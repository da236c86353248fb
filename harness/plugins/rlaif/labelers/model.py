"""``openai:``, ``hf:`` and ``vllm:``: a model answers one question at a time with yes or no, in JSON.

The questions form a benchmark whose items are pairs of an answer and a question, so replies are generated, cached,
resumed and stored verbatim like all completions. A reply that cannot be parsed is drawn again with another seed, into
another run directory, and is never guessed.
"""

import hashlib
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.file_formats import GenerationRow
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.evaluate import generate
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import extract
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Generator
from apigauge.harness.metrics.executability import program_of
from apigauge.harness.plugins.rlaif.labelers.types import Answer, Labels
from apigauge.harness.plugins.rlaif.questions import PROMPT, QUESTIONS, prompt, read_reply

# Rounds of asking: first greedy decoding, then two sampled replies.
ROUNDS = (
    Sampling(max_new_tokens=32),
    Sampling(max_new_tokens=32, temperature=0.7, seed=1),
    Sampling(max_new_tokens=32, temperature=0.7, seed=2),
)


class Model:
    """A language model as labeler.

    Args:
        spec: the model, as for ``--model``.
        benchmark: its catalogue decides which part of an answer is the program.
        folder: for the replies of each round; None stores none.
        options: of the model; the sampling is replaced.
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
        """In order, after all questions about all answers; stored replies are reused."""
        items = [self._item(answer, name) for answer in answers for name in QUESTIONS]
        texts: dict[str, list[str]] = {item.id: [] for item in items}
        for number in range(len(ROUNDS)):
            waiting = [item for item in items if not texts[item.id] or read_reply(texts[item.id][-1]) is None]
            if waiting:
                for name, text in self._ask(number, items, waiting).items():
                    texts[name].append(text)
        for answer in answers:
            replies = {name: texts[_question_id(answer, name)] for name in QUESTIONS}
            if all(replies.values()) and (answer.item.id, answer.sample) not in done:
                yield answer, _labels(replies)

    def _ask(self, number: int, items: Sequence[Item], waiting: Sequence[Item]) -> dict[str, str]:
        """The replies of one round to the waiting questions; failed requests are left out."""
        if number not in self._generators:
            self._generators[number] = self._open(number)
        generator = self._generators[number]
        questions = Benchmark(
            f"{self._benchmark.name}-feedback", tuple(items), (), _questions_digest(items), prompt=_instruction
        )
        if self._folder is None:
            return {reply.item: reply.text for reply in generator.generate(questions, waiting)}
        run = self._folder / f"asked-{number}"
        generate(questions, generator, run, only=waiting)
        ids = {item.id for item in waiting}
        rows = cast("list[GenerationRow]", run_directory.read_rows(run / run_directory.GENERATIONS))
        return {row["item"]: row["text"] for row in rows if row["item"] in ids}

    def _open(self, number: int) -> Generator:
        return open_generator(self._spec, replace(self._options, sampling=ROUNDS[number]))

    def _item(self, answer: Answer, name: str) -> Item:
        extraction = extract(answer.text, self._functions)
        program = program_of(extraction.call, extraction.program)
        text = prompt(answer.item.instruction, program.source if program else answer.text, name)
        return Item(_question_id(answer, name), text, "", "", "", "")


def _question_id(answer: Answer, name: str) -> str:
    return f"{answer.item.id}/{answer.sample}/{name}"


def _instruction(item: Item) -> str:
    return item.instruction


def _questions_digest(items: Sequence[Item]) -> str:
    return hashlib.sha256("\0".join(item.instruction for item in items).encode("utf-8", "surrogatepass")).hexdigest()


def _labels(replies: dict[str, list[str]]) -> Labels:
    parsed = {name: [read_reply(text) for text in texts] for name, texts in replies.items()}
    return Labels(
        {name: answers[-1] for name, answers in parsed.items()},
        replies,
        unparsable=sum(answers.count(None) for answers in parsed.values()),
        retried=sum(len(answers) > 1 for answers in parsed.values()),
    )
