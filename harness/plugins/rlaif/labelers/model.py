"""``openai:``, ``hf:`` and ``vllm:``: a model answers one question at a time with yes or no.

The questions form a benchmark whose items are pairs of an answer and a question, so replies are generated, cached,
resumed and stored verbatim like all completions. A reply that cannot be parsed is drawn again with another seed, into
another run directory, and is never guessed. A request that failed is left to the next call: asked in a later round, its
label would depend on when the server was down. Where probabilities are compared (``first_word.py``), a question is
asked once.
"""

import hashlib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.file_formats import GenerationRow
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.evaluate import generate
from apigauge.harness.generation.backends import open_generator
from apigauge.harness.generation.model_generator import ModelGenerator
from apigauge.harness.generation.sampling import Sampling
from apigauge.harness.generation.types import Generator
from apigauge.harness.plugins.rlaif.labelers.asking import Asking
from apigauge.harness.plugins.rlaif.labelers.first_word import MOST_TOKENS, Calibration, FirstWord, calibrate, log_odds
from apigauge.harness.plugins.rlaif.labelers.labeler_options import LabelerOptions
from apigauge.harness.plugins.rlaif.labelers.made_answers import made_answers
from apigauge.harness.plugins.rlaif.labelers.types import Answer, Labels
from apigauge.harness.plugins.rlaif.questions import QUESTIONS
from apigauge.harness.plugins.rlaif.replies import read_reply

# Rounds of asking: first greedy decoding, then two sampled replies.
ROUNDS = (Sampling(), Sampling(temperature=0.7, seed=1), Sampling(temperature=0.7, seed=2))
# The probability from which on a yes is said.
EVEN = 0.5


class Model:
    """A language model as labeler.

    Args:
        spec: the model, as for ``--model``.
        benchmark: its catalogue decides which part of an answer is the program.
        folder: for the replies of each round; None stores none.
        options: what is asked, and of the model.

    Attributes:
        problems: why requests failed in the last call of :meth:`label`.
    """

    def __init__(
        self,
        spec: str,
        benchmark: Benchmark,
        folder: Path | None = None,
        options: LabelerOptions | None = None,
    ) -> None:
        self._benchmark, self._folder, self._options = benchmark, folder, options or LabelerOptions()
        self._asking = Asking(benchmark, self._options)
        self._compares = self._options.replies == "probability"
        rounds = [replace(sampling, max_new_tokens=self._options.reply_tokens) for sampling in self._rounds]
        first = MOST_TOKENS[spec.partition(":")[0]] if self._compares else 0
        # Opened for a round that samples: vLLM on a CPU cannot sample otherwise.
        model = open_generator(spec, replace(self._options.of_model(), sampling=rounds[-1], first_tokens=first))
        assert isinstance(model, ModelGenerator)
        model = model.over(FirstWord) if self._compares else model
        self._generators = [model.sampled(sampling) for sampling in rounds]
        self._calibrations: dict[str, Calibration] | None = None
        self.problems: list[str] = []

    @property
    def _rounds(self) -> tuple[Sampling, ...]:
        return ROUNDS[:1] if self._compares else ROUNDS

    def describe(self) -> dict[str, Any]:
        """The model, the prompt and the questions."""
        return {
            "kind": "model",
            "questions": QUESTIONS,
            "rounds": len(self._rounds),
            **self._asking.describe(),
            "model": self._generators[0].describe(),
        }

    def label(
        self, answers: Sequence[Answer], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[tuple[Answer, Labels]]:
        """In order, after all questions about all answers; stored replies are reused."""
        self.problems = []
        if self._compares:
            yield from self._compared(answers, done)
            return
        items = self._items([(answer, name) for answer in answers for name in QUESTIONS])
        missing = [answer for answer in answers if (answer.item.id, answer.sample) not in done]
        texts: dict[str, list[str]] = {_question_id(answer, name): [] for answer in missing for name in QUESTIONS}
        for number in range(len(ROUNDS)):
            waiting = [item for item in items if _is_waiting(texts.get(item.id), number)]
            if waiting:
                for name, text in self._ask(number, _round(number), items, waiting).items():
                    texts[name].append(text)
        for answer in missing:
            replies = {name: texts[_question_id(answer, name)] for name in QUESTIONS}
            if not any(_is_waiting(given, len(given)) and len(given) < len(ROUNDS) for given in replies.values()):
                yield answer, _labels(replies)

    def _compared(
        self, answers: Sequence[Answer], done: Collection[tuple[str, int]]
    ) -> Iterator[tuple[Answer, Labels]]:
        """Labels by the probabilities of yes and no; an answer with a failed request is left out."""
        calibrations = self._calibrated()
        if calibrations is None:
            return
        questions = [(answer, name) for answer in answers for name in QUESTIONS]
        waiting = [(answer, name) for answer, name in questions if (answer.item.id, answer.sample) not in done]
        replies = self._ask(0, _round(0), self._items(questions), self._items(waiting))
        for answer in dict.fromkeys(answer for answer, _ in waiting):
            given = {name: replies.get(_question_id(answer, name)) for name in QUESTIONS}
            if None not in given.values():
                yield answer, _by_probability({name: str(reply) for name, reply in given.items()}, calibrations)

    def _calibrated(self) -> dict[str, Calibration] | None:
        """The calibration of each question, asked for once; None if a request for it failed."""
        if self._calibrations is None:
            made = made_answers(calibration_rows(self._benchmark.train, self._options.calibration))
            labelled = [(one.answer, name, label) for one in made for name, label in one.truth.items()]
            items = self._items([(answer, name) for answer, name, _ in labelled])
            replies = self._ask(0, "calibration", items, items) if labelled else {}
            if len(replies) < len(items):
                return None
            odds = [(name, log_odds(replies[_question_id(answer, name)]), label) for answer, name, label in labelled]
            readable = [(name, value, label) for name, value, label in odds if value is not None]
            self._calibrations = {
                name: calibrate(*_columns([(value, label) for one, value, label in readable if one == name]))
                for name in QUESTIONS
            }
        return self._calibrations

    def forget_unreadable(self) -> None:
        """Deletes stored replies that cannot be read, so that the next call asks for them again."""
        for number in range(len(self._rounds)) if self._folder and not self._compares else ():
            assert self._folder
            file = self._folder / _round(number) / run_directory.GENERATIONS
            if file.exists():
                readable = [row for row in run_directory.read_rows(file) if read_reply(row["text"]) is not None]
                run_directory.write_rows(file, readable)

    def _ask(self, number: int, name: str, items: Sequence[Item], waiting: Sequence[Item]) -> dict[str, str]:
        """The replies of one round to the waiting questions; failed requests are left out.

        Args:
            number: of the round, for its sampling.
            name: of the folder with its replies.
            items: all questions that the folder may have replies to.
            waiting: those that are asked now.
        """
        generator = self._generators[number]
        before = len(generator.problems)
        try:
            return self._replies(name, generator, items, waiting)
        finally:
            self.problems += generator.problems[before:]

    def _replies(
        self, name: str, generator: Generator, items: Sequence[Item], waiting: Sequence[Item]
    ) -> dict[str, str]:
        questions = Benchmark(
            f"{self._benchmark.name}-feedback", tuple(items), (), _questions_digest(items), prompt=_instruction
        )
        if self._folder is None:
            return {reply.item: reply.text for reply in generator.generate(questions, waiting)}
        run = self._folder / name
        generate(questions, generator, run, only=waiting)
        ids = {item.id for item in waiting}
        rows = cast("list[GenerationRow]", run_directory.read_rows(run / run_directory.GENERATIONS))
        return {row["item"]: row["text"] for row in rows if row["item"] in ids}

    def _items(self, questions: Sequence[tuple[Answer, str]]) -> list[Item]:
        self._asking.prepare([answer.item for answer, _ in questions])
        return [
            Item(_question_id(answer, name), self._asking.prompt(answer, name), "", "", "", "")
            for answer, name in questions
        ]


def calibration_rows(train: Sequence[Item], count: int) -> Sequence[Item]:
    """So many training rows, evenly spread."""
    return train[:: max(1, len(train) // count)][:count] if count else ()


def _round(number: int) -> str:
    return f"asked-{number}"


def _is_waiting(replies: list[str] | None, number: int) -> bool:
    """Whether a question is asked in the round of this number: all rounds before gave replies that cannot be read."""
    return replies is not None and len(replies) == number and (not replies or read_reply(replies[-1]) is None)


def _question_id(answer: Answer, name: str) -> str:
    return f"{answer.item.id}/{answer.sample}/{name}"


def _instruction(item: Item) -> str:
    return item.instruction


def _questions_digest(items: Sequence[Item]) -> str:
    return hashlib.sha256("\0".join(item.instruction for item in items).encode("utf-8", "surrogatepass")).hexdigest()


def _columns(pairs: Sequence[tuple[float, bool]]) -> tuple[list[float], list[bool]]:
    return [value for value, _ in pairs], [label for _, label in pairs]


def _by_probability(replies: dict[str, str], calibrations: Mapping[str, Calibration]) -> Labels:
    odds = {name: log_odds(text) for name, text in replies.items()}
    confidence = {name: calibrations[name].probability(value) for name, value in odds.items() if value is not None}
    return Labels(
        {name: confidence[name] >= EVEN if name in confidence else None for name in replies},
        {name: [text] for name, text in replies.items()},
        unparsable=len(replies) - len(confidence),
        confidence=confidence,
    )


def _labels(replies: dict[str, list[str]]) -> Labels:
    parsed = {name: [read_reply(text) for text in texts] for name, texts in replies.items()}
    return Labels(
        {name: answers[-1] for name, answers in parsed.items()},
        replies,
        unparsable=sum(answers.count(None) for answers in parsed.values()),
        retried=sum(len(answers) > 1 for answers in parsed.values()),
    )
