"""``embeddings``: ``static``, with the question ``asked`` answered by a sentence-embedding model.

A row of the catalogue fits a request by the cosine between the request and the row's domain, name and description. Of
an answer that names several rows the best counts. Training requests for the same row are not compared, although that
would help: an API that no training row asks for would fit worse than all others for that alone, and what it takes for a
yes would not hold for it. What it takes is set on the training part: the fraction of the best row's fit at which the
share of references accepted is greatest, less the share of all rows accepted (Youden, "Index for rating diagnostic
tests", 1950).
"""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import Extraction, extract
from apigauge.harness.metrics.registry import code_digest
from apigauge.harness.plugins.rlaif.labelers.catalogue import Catalogue
from apigauge.harness.plugins.rlaif.labelers.encoder import Encoder
from apigauge.harness.plugins.rlaif.labelers.static import Static
from apigauge.harness.plugins.rlaif.labelers.types import Answer, Labels

if TYPE_CHECKING:
    import numpy as np

    Fits = np.ndarray[Any, np.dtype[np.float32]]

_SHARES = tuple(share / 100 for share in range(30, 100))


class Similarity:
    """How well the rows of a catalogue fit a request.

    Args:
        benchmark: with catalogue and training part.
        catalogue: of the benchmark.
        encoder: makes vectors of requests and descriptions.
    """

    def __init__(self, benchmark: Benchmark, catalogue: Catalogue, encoder: Encoder) -> None:
        self._encoder = encoder
        self._rows = encoder.encode([f"{api.domain}: {api.name}. {api.description}" for api in benchmark.catalogue])
        self.fits = lru_cache(maxsize=None)(self._fits)
        functions = functions_of((api.call for api in benchmark.catalogue), benchmark.conventions)
        references = [catalogue.rows_of(extract(item.reference_call, functions)) for item in benchmark.train]
        self.share = self._best_share([item.instruction for item in benchmark.train], references)

    def prepare(self, answers: Sequence[Answer]) -> None:
        """Makes the vectors of all requests at once, which is faster than one at a time."""
        self._encoder.encode([answer.item.instruction for answer in answers])

    def share_of_best(self, rows: Sequence[int], request: str) -> float:
        """The fit of the best of these rows, as a share of the best row's of all; 0 without rows."""
        fits = self.fits(request)
        return float(max((fits[row] for row in rows), default=0.0) / max(fits.max(), 1e-6))

    def _fits(self, request: str) -> "Fits":
        """Of every row, at least 0."""
        import numpy as np

        fits: Fits = np.maximum(self._rows @ self._encoder.encode([request])[0], 0)
        return fits

    def _best_share(self, requests: Sequence[str], references: Sequence[Sequence[int]]) -> float:
        import numpy as np

        self._encoder.encode(requests)
        shares = [self.fits(request) / max(self.fits(request).max(), 1e-6) for request in requests]
        right = np.array([share[rows].max() for share, rows in zip(shares, references, strict=True) if len(rows)])
        if not right.size:
            return 1.0
        accepted = [np.mean(right >= share) - np.mean(np.array(shares) >= share) for share in _SHARES]
        return _SHARES[int(np.argmax(accepted))]


class Embeddings(Static):
    """Static analysis with another answer to ``asked``.

    Args:
        benchmark: its catalogue decides which APIs exist.
        encoder: the sentence-embedding model.
    """

    def __init__(self, benchmark: Benchmark, encoder: Encoder) -> None:
        super().__init__(benchmark)
        self._encoder = encoder
        self._functions = functions_of((api.call for api in benchmark.catalogue), benchmark.conventions)
        self.similarity = Similarity(benchmark, self._catalogue, encoder)

    def describe(self) -> dict[str, Any]:
        """As of ``static``, with the model, the digest of this module, and the share that was set."""
        return {
            **super().describe(),
            "kind": "embeddings",
            "model": self._encoder.describe(),
            "asked": code_digest("harness/plugins/rlaif/labelers/embeddings.py"),
            "share": self.similarity.share,
        }

    def label(
        self, answers: Sequence[Answer], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[tuple[Answer, Labels]]:
        """In order, with the share of the best row's fit as confidence in ``asked``."""
        self.similarity.prepare(answers)
        for answer, labels in super().label(answers, done):
            rows = self._catalogue.rows_of(extract(answer.text, self._functions))
            share = self.similarity.share_of_best(rows, answer.item.instruction)
            yield answer, replace(labels, confidence={"asked": share})

    def _api(self, answer: Answer, extraction: Extraction, rows: list[int]) -> dict[str, str]:
        wrong = super()._api(answer, extraction, rows)
        if not rows:
            return wrong
        wrong.pop("asked", None)
        share = self.similarity.share_of_best(rows, answer.item.instruction)
        return wrong if share >= self.similarity.share else {**wrong, "asked": "the API is for another task"}
