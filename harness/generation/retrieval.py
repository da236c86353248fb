"""``retrieval:bm25``: the catalogue row whose description is nearest to the question, in words.

The floor under every language model: it knows the catalogue and nothing else. Robertson and Zaragoza, "The
Probabilistic Relevance Framework: BM25 and Beyond" (2009), as the ``bm25s`` package computes it.
"""

from collections.abc import Collection, Iterator, Sequence
from importlib.metadata import version
from typing import Any

from apigauge.benchmarks.types import Api, Benchmark, Item
from apigauge.errors import UsageError
from apigauge.harness.generation import Completion


class Retrieval:
    """Answers with the best catalogue row's call and example."""

    def __init__(self, method: str) -> None:
        if method != "bm25":
            raise UsageError(f"--model retrieval:{method}: the only method is bm25")
        self.problems: list[str] = []

    def describe(self) -> dict[str, Any]:
        """The package and its version."""
        return {"spec": "retrieval:bm25", "kind": "retrieval", "engine": f"bm25s {version('bm25s')}"}

    def generate(
        self, benchmark: Benchmark, items: Sequence[Item], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[Completion]:
        """One answer per item, in APIBench's own form."""
        import bm25s

        documents = [f"{api.domain} {api.name} {api.description}" for api in benchmark.catalogue]
        index = bm25s.BM25()
        index.index(bm25s.tokenize(documents, stopwords="en", show_progress=False), show_progress=False)
        for item in items:
            if (item.id, 0) in done:
                continue
            query = bm25s.tokenize([item.instruction], stopwords="en", show_progress=False)
            best, _ = index.retrieve(query, k=1, show_progress=False, backend_selection="numpy")
            yield Completion(item.id, 0, _answer(benchmark.catalogue[int(best[0, 0])]))


def _answer(api: Api) -> str:
    return f"<<<domain>>>: {api.domain}\n<<<api_call>>>: {api.call}\n<<<code>>>: {api.example or api.call}"
