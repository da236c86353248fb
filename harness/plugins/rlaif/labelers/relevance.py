"""Whether an API is one for the task, by words alone: BM25 over the catalogue's rows and over its domains.

A row's relevance is BM25 of its document plus BM25 of all that its domain's rows say, and it is relevant to a request
with at least ``SHARE`` of the most relevant row's. Words count by their first letters, so that "classify" meets
"classification". Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond" (2009), as
``bm25s`` computes it.

It is a weak judge, for a request seldom uses the words of a catalogue. SHARE is where, on the training parts of
APIBench Torch Hub and of ``mini``, the share of references it accepts exceeds the share of all rows it accepts by most:
Youden, "Index for rating diagnostic tests" (1950). See CONTRIBUTING.md for both shares.
"""

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from apigauge.benchmarks.types import Benchmark

if TYPE_CHECKING:
    import numpy as np

    Scores = np.ndarray[Any, np.dtype[np.float32]]

SHARE = 0.7
_LETTERS = 5


class Relevance:
    """A catalogue's rows, to be ranked by what a request says."""

    def __init__(self, benchmark: Benchmark) -> None:
        rows = benchmark.catalogue
        names = [api.domain.strip().casefold() for api in rows]
        domains = sorted(set(names))
        self._domain_of = [domains.index(name) for name in names]
        said = [f"{api.domain} {api.name} {api.description}" for api in rows]
        together = [" ".join(text for text, name in zip(said, names, strict=True) if name == one) for one in domains]
        self._rows, self._domains = _Index([api.document or api.description for api in rows]), _Index(together)
        self._ranked = lru_cache(maxsize=None)(self._rank)

    def is_relevant(self, row: int, request: str) -> bool:
        """Whether the row is among those that the request may mean."""
        ranked = self._ranked(request)
        return bool(ranked[row] > 0 and ranked[row] >= SHARE * ranked.max())

    def _rank(self, request: str) -> "Scores":
        return self._rows.scores(request) + self._domains.scores(request)[self._domain_of]


class _Index:
    def __init__(self, texts: list[str]) -> None:
        import bm25s

        self._index, self._size = bm25s.BM25(), len(texts)
        self._index.index([_words(text) for text in texts], show_progress=False)

    def scores(self, text: str) -> "Scores":
        """BM25 of each text; a word counts once."""
        import numpy as np

        known = [word for word in dict.fromkeys(_words(text)) if word in self._index.vocab_dict]
        return np.asarray(self._index.get_scores(known)) if known else np.zeros(self._size, np.float32)


def _words(text: str) -> list[str]:
    from bm25s.tokenization import STOPWORDS_EN

    apart = re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower()
    return [word[:_LETTERS] for word in re.findall(r"[a-z0-9]{2,}", apart) if word not in STOPWORDS_EN]
