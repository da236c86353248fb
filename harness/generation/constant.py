"""``constant:TEXT``: the same answer to every question.

A baseline: a metric by which it beats a model does not measure the model's knowledge of APIs.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.types import Completion, FixedAnswers


def open_generator(argument: str, options: ModelOptions) -> "Constant":  # noqa: ARG001 - no model is run
    """The backend ``constant:``."""
    return Constant(argument)


class Constant(FixedAnswers):
    """Answers everything with one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        super().__init__()

    def describe(self) -> dict[str, Any]:
        """The answers depend on nothing but the text."""
        return {"spec": f"constant:{self._text}", "kind": "constant"}

    def generate(
        self, _benchmark: Benchmark, items: Sequence[Item], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[Completion]:
        """The text, once per item."""
        for item in items:
            if (item.id, 0) in done:
                continue
            yield Completion(item.id, 0, self._text)
