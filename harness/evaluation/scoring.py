"""From a completion to its row in ``scores.jsonl``: extraction, then every metric. Pure, so it can run anywhere."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import extract
from apigauge.harness.generation.types import Completion
from apigauge.harness.metrics.registry import make_metrics, score


@dataclass(frozen=True)
class ScorerFactory:
    """Builds the scoring function of one benchmark; travels to other processes."""

    benchmark: Benchmark
    modules: tuple[str, ...]

    def __call__(self) -> Callable[[Completion], dict[str, Any]]:
        """The function that scores a completion."""
        metrics = make_metrics(self.modules, self.benchmark)
        items = {item.id: item for item in self.benchmark.items}
        functions = functions_of((api.call for api in self.benchmark.catalogue), self.benchmark.conventions)

        def scorer(completion: Completion) -> dict[str, Any]:
            extraction = extract(completion.text, functions)
            scored = score(metrics, items[completion.item], extraction)
            return {
                "item": completion.item,
                "sample": completion.sample,
                "extraction": {"call": extraction.call, "program": extraction.program, "how": extraction.how},
                "metrics": scored.metrics,
                "labels": scored.labels,
                "messages": scored.messages,
                "verdict": None,
            }

        return scorer
