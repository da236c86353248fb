"""Which questions checkpoints are scored on: test questions, or training rows of APIs that are held out."""

import hashlib
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError
from apigauge.harness.plugins.rlaif.options import LATER, check_choice, check_not_negative

QUESTIONS = ("test", "validation")
METRICS = ("rouge", "codebleu")
SPLITS = ("api", "question")


@dataclass(frozen=True, slots=True)
class EvaluationOptions:
    """What checkpoints are scored on.

    Attributes:
        validation: fraction of the training rows that are held out. The same rows for every seed.
        split: ``api``: no row about a held-out API is trained on; or ``question``: rows of all APIs are held out, which
            is like the test questions where these are about APIs of the training part.
        questions: ``test``, or ``validation``: the held-out rows, on which settings are chosen without looking at the
            test questions.
        train_questions: the most training questions, evenly spread, that the start and the last checkpoint answer as
            well, for ``ast.exact`` next to that of the test questions; 0 for none.
        metrics: scored and reported besides ``exec.rate`` and ``ast.exact``: ``rouge``, ``codebleu``. With any of them
            the report has ``exec.call`` too, and ``table.md``.
    """

    validation: float = 0.0
    questions: str = "test"
    train_questions: int = 1000
    metrics: tuple[str, ...] = ()
    split: str = field(default="api", metadata=LATER)

    def __post_init__(self) -> None:
        check_choice("questions", self.questions, QUESTIONS)
        check_choice("split", self.split, SPLITS)
        check_not_negative(self, "train_questions")
        for name in self.metrics:
            check_choice("metrics", name, METRICS)
        if not 0 <= self.validation < 1:
            raise UsageError(f"validation is {self.validation}: must be 0 or more and below 1")
        if self.questions == "validation" and not self.validation:
            raise UsageError("questions is 'validation': needs validation above 0, the fraction that is held out")


def divided(benchmark: Benchmark, options: EvaluationOptions) -> Benchmark:
    """The benchmark with the training rows that are trained on, and the questions that checkpoints are scored on.

    Raises:
        UsageError: there are too few APIs to divide.
    """
    if not options.validation:
        return benchmark
    key = _KEYS[options.split]
    held_out = _held_out([key(item) for item in benchmark.train], options.validation)
    train = tuple(item for item in benchmark.train if key(item) not in held_out)
    if not held_out or not train:
        raise UsageError(f"validation is {options.validation}: {benchmark.name} has too few training rows to divide")
    if options.questions == "test":
        return replace(benchmark, train=train)
    items = tuple(item for item in benchmark.train if key(item) in held_out)
    return replace(benchmark, name=f"{benchmark.name}, validation part", items=items, train=train, rows=(), answers=())


# What is held out as a whole. Equal questions about different APIs stay together.
_KEYS: dict[str, Callable[[Item], str]] = {"api": lambda item: item.api, "question": lambda item: item.instruction}


def _held_out(keys: Sequence[str], share: float) -> set[str]:
    """Keys of rows in the order of their SHA-256, until they have the share of the rows; not beyond it."""
    counts = Counter(keys)
    held_out: set[str] = set()
    left = share * len(keys)
    for key in sorted(counts, key=lambda key: hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()):
        if counts[key] <= left:
            held_out.add(key)
            left -= counts[key]
    return held_out
