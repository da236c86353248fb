"""The document that a retriever adds to a prompt: one row of the catalogue for each question, as in the Gorilla paper.

``bm25`` finds the row whose description is nearest to the question; ``oracle`` takes the row of the reference
(Patil et al., "Gorilla: Large Language Model Connected with Massive APIs", 2023, section 3.2). ``bm25-calls`` is not
from the paper: it shows the calls alone of the five nearest rows, shorter than one row, for models that choose.
"""

from collections.abc import Iterator, Sequence
from typing import Literal

from apigauge.benchmarks.types import Api, Benchmark, Item
from apigauge.errors import UsageError, did_you_mean

Retriever = Literal["none", "bm25", "bm25-calls", "oracle"]
RETRIEVERS: tuple[Retriever, ...] = Retriever.__args__  # type: ignore[attr-defined]
CALLS = 5


def nearest_rows(benchmark: Benchmark, items: Sequence[Item]) -> Iterator[Api]:
    """For each item the row of the catalogue that BM25 puts first."""
    return (rows[0] for rows in ranked_rows(benchmark, items, 1))


def ranked_rows(benchmark: Benchmark, items: Sequence[Item], count: int) -> Iterator[list[Api]]:
    """For each item the rows of the catalogue that BM25 puts first, ``count`` of them if there are so many.

    Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), as ``bm25s`` computes it.
    """
    import bm25s

    texts = [f"{api.domain} {api.name} {api.description}" for api in benchmark.catalogue]
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stopwords="en", show_progress=False), show_progress=False)
    for item in items:
        query = bm25s.tokenize([item.instruction], stopwords="en", show_progress=False)
        most = min(count, len(texts))
        best, _ = index.retrieve(query, k=most, show_progress=False, backend_selection="numpy")
        yield [benchmark.catalogue[int(row)] for row in best[0]]


def retrieved_documents(benchmark: Benchmark, items: Sequence[Item], retriever: Retriever) -> list[str]:
    """The document for each item; empty texts without a retriever.

    Raises:
        UsageError: no retriever has that name, or it is the oracle and references of some items have no document.
    """
    if retriever not in RETRIEVERS:
        hint = did_you_mean(retriever, RETRIEVERS)
        raise UsageError(f"--retriever {retriever}: there are {', '.join(RETRIEVERS)}{hint}")
    if retriever == "none":
        return [""] * len(items)
    if retriever == "bm25":
        return [api.document for api in nearest_rows(benchmark, items)]
    if retriever == "bm25-calls":
        return ["\n".join(api.call for api in rows) for rows in ranked_rows(benchmark, items, CALLS)]
    missing = [item.id for item in items if not item.document]
    if missing:
        raise UsageError(
            f"--retriever oracle: {benchmark.name} has no document for the references of {len(missing)} items "
            f"({', '.join(missing[:5])}); use bm25"
        )
    return [item.document for item in items]
