"""Whether an API is one for the task, by words alone: BM25 over a catalogue's rows, domains and known requests.

A row's relevance is BM25 of its document, plus BM25 of all that its domain's rows say, plus BM25 of the three requests
of the training part most like this one that ask for the row; the request itself is not among them, so that its own
reference is not looked at. A row is relevant with at least ``SHARE`` of the most relevant row's. Words count by their
first letters, so that "classify" meets "classification". Robertson and Zaragoza, "The Probabilistic Relevance
Framework: BM25 and Beyond" (2009), as ``bm25s`` computes it.

It is a weak judge, for a request seldom uses the words of a catalogue. SHARE is where, on APIBench Torch Hub's training
part, the share of references it accepts exceeds the share of all rows it accepts by most: Youden, "Index for rating
diagnostic tests" (1950). See CONTRIBUTING.md for both shares.
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
    """A catalogue's rows, to be ranked by what a request says."""

    def __init__(self, benchmark: Benchmark, catalogue: Catalogue) -> None:
        rows = benchmark.catalogue
        names = [api.domain.strip().casefold() for api in rows]
        domains = sorted(set(names))
        self._domain_of = [domains.index(name) for name in names]
        said = [f"{api.domain} {api.name} {api.description}" for api in rows]
        together = [" ".join(text for text, name in zip(said, names, strict=True) if name == one) for one in domains]
        self._rows, self._domains = _Index([api.document or api.description for api in rows]), _Index(together)
        self._requests = [item.instruction for item in benchmark.train]
        self._known = _Index(self._requests)
        functions = functions_of((api.call for api in rows), benchmark.conventions)
        self._asks_for: list[list[int]] = [[] for _ in rows]
        for number, item in enumerate(benchmark.train):
            for row in catalogue.named(extract(item.reference_call, functions)):
                self._asks_for[row].append(number)
        self._ranked = lru_cache(maxsize=None)(self._rank)

    def is_relevant(self, row: int, request: str) -> bool:
        """Whether the row is among those that the request may mean."""
        ranked = self._ranked(request)
        return bool(ranked[row] > 0 and ranked[row] >= SHARE * ranked.max())

    def _rank(self, request: str) -> "Scores":
        import numpy as np

        alike = self._known.scores(request)
        alike[[other == request for other in self._requests]] = 0
        known: Scores = np.array([np.sort(alike[numbers])[-_REQUESTS:].sum() for numbers in self._asks_for], np.float32)
        return self._rows.scores(request) + self._domains.scores(request)[self._domain_of] + known


class _Index:
    def __init__(self, texts: list[str]) -> None:
        import bm25s

        self._index, self._size = bm25s.BM25(), len(texts)
        if texts:
            self._index.index([_words(text) for text in texts], show_progress=False)

    def scores(self, text: str) -> "Scores":
        """BM25 of each text; a word counts once."""
        import numpy as np

        known = [word for word in dict.fromkeys(_words(text)) if self._size and word in self._index.vocab_dict]
        return np.asarray(self._index.get_scores(known)) if known else np.zeros(self._size, np.float32)


def _words(text: str) -> list[str]:
    from bm25s.tokenization import STOPWORDS_EN

    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower()
    return [word[:_LETTERS] for word in re.findall(r"[a-z0-9]{2,}", apart) if word not in STOPWORDS_EN]
