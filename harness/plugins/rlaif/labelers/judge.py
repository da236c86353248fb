"""``judge``: an in-house judge: for each question a logistic regression, trained on the benchmark's training part.

It is not independent of the training: it learns from the references of the rows that the policy learns from. What it is
trained on are answers made of these references, with one fault each (``made_answers.py``). Its features are the eight
answers of ``static``, how well the rows that the answer names fit the request by words (BM25) and by embeddings, and
the overlap of request and program in words. None of them is about the program's length or layout, which the made faults
would give away.
"""

import math
import re
from collections.abc import Collection, Iterator, Sequence
from typing import Any

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import extract
from apigauge.harness.metrics.registry import code_digest
from apigauge.harness.plugins.rlaif.labelers.catalogue import Catalogue
from apigauge.harness.plugins.rlaif.labelers.embeddings import Similarity
from apigauge.harness.plugins.rlaif.labelers.encoder import Encoder
from apigauge.harness.plugins.rlaif.labelers.made_answers import made_answers
from apigauge.harness.plugins.rlaif.labelers.relevance import Relevance
from apigauge.harness.plugins.rlaif.labelers.static import Static
from apigauge.harness.plugins.rlaif.labelers.types import Answer, Labels
from apigauge.harness.plugins.rlaif.logistic import Weights, fit
from apigauge.harness.plugins.rlaif.questions import QUESTIONS

# So many training rows, evenly spread, are learnt from: each makes up to nine answers.
MOST_ROWS = 300
EVEN = 0.5
_CODE = tuple(
    f"harness/plugins/rlaif/{name}.py"
    for name in ("labelers/judge", "labelers/embeddings", "labelers/made_answers", "logistic")
)


class Judge:
    """The judge; it is trained when it is made.

    Args:
        benchmark: with catalogue and training part.
        encoder: the sentence-embedding model.
    """

    def __init__(self, benchmark: Benchmark, encoder: Encoder) -> None:
        catalogue = Catalogue(benchmark)
        self._static, self._encoder, self._catalogue = Static(benchmark), encoder, catalogue
        self._functions = functions_of((api.call for api in benchmark.catalogue), benchmark.conventions)
        self._by_words = _ByWords(benchmark, catalogue)
        self._by_meaning = Similarity(benchmark, catalogue, encoder)
        self._texts = [f"{api.domain} {api.name} {api.description}" for api in benchmark.catalogue]
        self._weights = self._trained(benchmark)

    def describe(self) -> dict[str, Any]:
        """Digests of code and embedding model; the training part is in the manifest of the labels."""
        return {
            "kind": "judge",
            "questions": list(QUESTIONS),
            "static": self._static.describe(),
            "model": self._encoder.describe(),
            "code": code_digest(*_CODE),
            "rows": MOST_ROWS,
        }

    def label(
        self, answers: Sequence[Answer], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[tuple[Answer, Labels]]:
        """In order, with the probability of a yes to each question as confidence."""
        self._by_meaning.prepare(answers)
        for answer, labels in self._static.label(answers, done):
            features = self._features(answer, labels)
            confidence = {name: _logistic(weights.log_odds(features)) for name, weights in self._weights.items()}
            yield (
                answer,
                Labels({name: value >= EVEN for name, value in confidence.items()}, confidence=confidence),
            )

    def _trained(self, benchmark: Benchmark) -> dict[str, Weights]:
        """The weights of each question for which the made answers have both labels."""
        rows = benchmark.train[:: max(1, -(-len(benchmark.train) // MOST_ROWS))]
        made = made_answers(rows)
        labels = (labels for _, labels in self._static.label([one.answer for one in made]))
        features = [self._features(one.answer, label) for one, label in zip(made, labels, strict=True)]
        weights = {}
        for name in QUESTIONS:
            pairs = [(row, one.truth[name]) for row, one in zip(features, made, strict=True) if name in one.truth]
            if len({truth for _, truth in pairs}) == 2:
                weights[name] = fit([row for row, _ in pairs], [truth for _, truth in pairs])
        return weights

    def _features(self, answer: Answer, static: Labels) -> list[float]:
        request = answer.item.instruction
        rows = self._catalogue.rows_of(extract(answer.text, self._functions))
        words, fits = self._by_words.fits(request), self._by_meaning.fits(request)
        named = " ".join(self._texts[row] for row in rows)
        return [
            *(float(bool(static.answers[name])) for name in QUESTIONS),
            float(bool(rows)),
            float(answer.finish_reason == "stop"),
            _share(rows, words),
            _share(rows, fits),
            _reciprocal_rank(rows, words),
            _reciprocal_rank(rows, fits),
            _overlap(request, named),
            _overlap(request, answer.text),
        ]


class _ByWords(Relevance):
    """The fit of all rows by words, without the training requests: see ``embeddings.py``."""

    def fits(self, request: str) -> Any:
        """Of every row, at least 0."""
        return self._rows.scores(request) + self._domains.scores(request)[self._domain_of]


def _share(rows: Sequence[int], fits: Any) -> float:
    """The fit of the best of the rows as a share of the best of all."""
    return float(max((fits[row] for row in rows), default=0.0) / max(float(fits.max()), 1e-6))


def _reciprocal_rank(rows: Sequence[int], fits: Any) -> float:
    """One divided by the number of rows that fit at least as well as the best of these; 0 without rows."""
    best = max((fits[row] for row in rows), default=0.0)
    return 1.0 / int((fits >= best).sum()) if best > 0 else 0.0


def _overlap(request: str, text: str) -> float:
    """The share of the request's words that the text has."""
    words = set(_words(request))
    return len(words & set(_words(text))) / max(len(words), 1)


def _words(text: str) -> list[str]:
    from bm25s.tokenization import STOPWORDS_EN

    split = re.findall(r"[a-z0-9]{2,}", re.sub(r"([a-z])([A-Z])", r"\1 \2", text).lower())
    return [word[:5] for word in split if word not in STOPWORDS_EN]


def _logistic(odds: float) -> float:
    return 1 / (1 + math.exp(-max(-500.0, min(500.0, odds))))
