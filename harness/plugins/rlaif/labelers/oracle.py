"""``oracle``: a control, not a labeler: ``static``, except that it knows the references and answers ``asked`` by them.

What a training gains with it is the most that a better answer to ``asked`` could give the same recipe. Its labels are
of no use for anything else: they are made of what is to be learnt.
"""

from typing import Any

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import Extraction, extract
from apigauge.harness.metrics.registry import code_digest
from apigauge.harness.plugins.rlaif.labelers.static import Static
from apigauge.harness.plugins.rlaif.labelers.types import Answer


class Oracle(Static):
    """Static analysis that knows which API is asked for.

    Args:
        benchmark: its catalogue decides which APIs exist.
    """

    def __init__(self, benchmark: Benchmark) -> None:
        super().__init__(benchmark)
        self._functions = functions_of((api.call for api in benchmark.catalogue), benchmark.conventions)

    def describe(self) -> dict[str, Any]:
        """As of ``static``, with the digest of this module."""
        return {
            **super().describe(),
            "kind": "oracle",
            "oracle": code_digest("harness/plugins/rlaif/labelers/oracle.py"),
        }

    def _api(self, answer: Answer, extraction: Extraction, rows: list[int]) -> dict[str, str]:
        wrong = super()._api(answer, extraction, rows)
        if not rows:
            return wrong
        wrong.pop("asked", None)
        reference = self._catalogue.rows_of(extract(answer.item.reference_call, self._functions))
        return wrong if set(rows) & set(reference) else {**wrong, "asked": "the API is not the reference"}
