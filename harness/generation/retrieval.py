"""``retrieval:bm25``: the catalogue row whose description is nearest to the question by BM25.

A baseline for language models: it knows the catalogue and nothing else.
"""

from collections.abc import Collection, Iterator, Sequence
from importlib.metadata import version
from typing import Any

from apigauge.benchmarks.types import Api, Benchmark, Item
from apigauge.errors import UsageError, did_you_mean
from apigauge.harness.generation.options import ModelOptions
from apigauge.harness.generation.retrieved_docs import nearest_rows
from apigauge.harness.generation.types import Completion, FixedAnswers


def open_generator(argument: str, options: ModelOptions) -> "Retrieval":  # noqa: ARG001 - no model is run
    """The backend ``retrieval:``."""
    return Retrieval(argument)


class Retrieval(FixedAnswers):
    """Answers with the best catalogue row's call and example."""

    def __init__(self, method: str) -> None:
        if method != "bm25":
            raise UsageError(f"--model retrieval:{method}: the only method is bm25{did_you_mean(method, ['bm25'])}")
        super().__init__()

    def describe(self) -> dict[str, Any]:
        """The package and its version."""
        return {"spec": "retrieval:bm25", "kind": "retrieval", "engine": f"bm25s {version('bm25s')}"}

    def generate(
        self, benchmark: Benchmark, items: Sequence[Item], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[Completion]:
        """One answer per item, in APIBench's own form."""
        for item, api in zip(items, nearest_rows(benchmark, items), strict=True):
            if (item.id, 0) not in done:
                yield Completion(item.id, 0, _answer(api))


def _answer(api: Api) -> str:
    return f"<<<domain>>>: {api.domain}\n<<<api_call>>>: {api.call}\n<<<code>>>: {api.example or api.call}"
