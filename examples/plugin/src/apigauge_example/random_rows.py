"""``random:SEED``: a random row of the catalogue to each question, a baseline below ``retrieval:bm25``."""

import random
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.types import Completion, FixedAnswers


def open_generator(argument: str, options: ModelOptions) -> "RandomRows":
    """The backend ``random:``."""
    if not argument.isdecimal():
        raise UsageError(f"--model random:{argument}: give a whole number, the seed")
    return RandomRows(int(argument), options.sampling.samples)


class RandomRows(FixedAnswers):
    """Answers with the call of a row; the same seed draws the same rows, whatever was answered before."""

    def __init__(self, seed: int, samples: int) -> None:
        super().__init__()
        self.seed, self.samples = seed, samples

    def describe(self) -> dict[str, Any]:
        """The answers depend on the seed; the package and its code are added by apigauge."""
        return {"spec": f"random:{self.seed}", "kind": "random"}

    def generate(
        self, benchmark: Benchmark, items: Sequence[Item], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[Completion]:
        """As many answers to each item as ``--samples`` says."""
        for item in items:
            for sample in range(self.samples):
                if (item.id, sample) not in done:
                    row = random.Random(f"{self.seed} {item.id} {sample}").choice(benchmark.catalogue)  # noqa: S311
                    yield Completion(item.id, sample, f"```python\n{row.example or row.call}\n```")
