"""Whether an API fits the task, by words alone: BM25 over a catalogue's rows, domains and training requests.

A row's relevance is the sum of BM25 of its document, BM25 of the texts of its domain's rows, and BM25 of the three most
similar training requests whose reference is that row; the request itself is excluded, so that its own reference is not
used. A row is relevant if its score is at least ``SHARE`` of the best row's. Words are compared by their first letters,
so that "classify" matches "classification". Robertson and Zaragoza, "The Probabilistic Relevance
Framework: BM25 and Beyond" (2009), as ``bm25s`` computes it.

It is a weak judge, because requests seldom use the words of a catalogue. SHARE maximises, on APIBench Torch Hub's
training part, the share of references accepted minus the share of all rows accepted: Youden, "Index for rating
diagnostic tests" (1950). See docs/decisions/rlaif.md for both shares.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import extract
from apigauge.harness.plugins.rlaif.labelers.catalogue import Catalogue

if TYPE_CHECKING:
    import numpy as np

    Scores = np.ndarray[Any, np.dtype[np.float32]]

SHARE = 0.65
_LETTERS = 5
_REQUESTS = 3


class Relevance:
    """Ranks a catalogue's rows by a request."""

    def __init__(self, benchmark: Benchmark, catalogue: Catalogue) -> None:
        rows = benchmark.catalogue
        names = [api.domain.strip().casefold() for api in rows]
        domains = sorted(set(names))
        self._domain_of = [domains.index(name) for name in names]
        texts = [f"{api.domain} {api.name} {api.description}" for api in rows]
        together = [" ".join(text for text, name in zip(texts, names, strict=True) if name == one) for one in domains]
        self._rows, self._domains = _Index([api.document or api.description for api in rows]), _Index(together)
        self._requests = [item.instruction for item in benchmark.train]
        self._request_index = _Index(self._requests)
        functions = functions_of((api.call for api in rows), benchmark.conventions)
        self._asks_for: list[list[int]] = [[] for _ in rows]
        for number, item in enumerate(benchmark.train):
            for row in catalogue.rows_of(extract(item.reference_call, functions)):
                self._asks_for[row].append(number)
        self._ranked = lru_cache(maxsize=None)(self._rank)

    def is_relevant(self, row: int, request: str) -> bool:
        """Whether the row fits the request."""
        ranked = self._ranked(request)
        return bool(ranked[row] > 0 and ranked[row] >= SHARE * ranked.max())

    def _rank(self, request: str) -> "Scores":
        import numpy as np

        similarity = self._request_index.scores(request)
        similarity[[other == request for other in self._requests]] = 0
        nearest = [np.sort(similarity[numbers])[-_REQUESTS:].sum() for numbers in self._asks_for]
        by_requests: Scores = np.array(nearest, np.float32)
        return self._rows.scores(request) + self._domains.scores(request)[self._domain_of] + by_requests


class _Index:
    def __init__(self, texts: list[str]) -> None:
        import bm25s

        self._index, self._size = bm25s.BM25(), len(texts)
        if texts:
            self._index.index([_words(text) for text in texts], show_progress=False)

    def scores(self, text: str) -> "Scores":
        """BM25 of each text; repeated words of the query count once."""
        import numpy as np

        words = [word for word in dict.fromkeys(_words(text)) if self._size and word in self._index.vocab_dict]
        return np.asarray(self._index.get_scores(words)) if words else np.zeros(self._size, np.float32)


def _words(text: str) -> list[str]:
    from bm25s.tokenization import STOPWORDS_EN

    split = re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower()
    return [word[:_LETTERS] for word in re.findall(r"[a-z0-9]{2,}", split) if word not in STOPWORDS_EN]
