"""``apigauge benchmarks reproduce``: the upstream scorer's figures for the released answers, next to ours."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import extract
from apigauge.harness.generation.replay import Replay
from apigauge.harness.metrics.registry import make_metrics, score


class Released(NamedTuple):
    """One released file: the upstream scorer's two figures and our three, as shares of its answers."""

    file: str
    answers: int
    accuracy: float
    hallucination_gorilla: float
    exact: float
    domain: float
    hallucination: float


def released(benchmark: Benchmark, folder: Path) -> Iterator[Released]:
    """Scores every released file of a hub in a folder of released answers."""
    metrics = make_metrics(["ast_match", "ast_gorilla"], benchmark)
    items = {item.id: item for item in benchmark.items}
    functions = functions_of((api.call for api in benchmark.catalogue), benchmark.conventions)
    for path in sorted(folder.glob(f"response_{benchmark.gorilla_dialect}_*.jsonl")):
        rows = [
            score(metrics, items[answer.item], extract(answer.text, functions)).metrics
            for answer in Replay(str(path)).generate(benchmark, benchmark.items)
        ]
        names = ("ast.gorilla", "hallucination.gorilla", "ast.exact", "ast.domain", "hallucination")
        means = (sum(row[name] for row in rows) / len(rows) for name in names)
        yield Released(path.name, len(rows), *means)
