"""Which items' own references reach every score, and why the others do not: for benchmarks that are being made."""

from collections.abc import Iterator
from pathlib import Path

from apigauge.benchmarks.folder import load
from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.audit.references import run_references
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import extract
from apigauge.harness.metrics.registry import make_metrics, score
from apigauge.sandboxes.verdict import Sandbox


def rejected(folder: Path, sandbox: Sandbox) -> dict[str, str]:
    """The items whose reference, as an answer, is not right by ``ast.exact`` or ``exec.correct``, with the reason.

    Args:
        folder: of a benchmark.
        sandbox: where the reference programs run.
    """
    benchmark = load(folder)
    reasons = dict(_by_call(benchmark))
    for one in run_references(benchmark, sandbox).references:
        if one.metrics.get("exec.correct") != 1 and one.row not in reasons:
            reasons[one.row] = f"its own program is not right by exec.correct: {one.label} {one.reason}".strip()
    return reasons


def _by_call(benchmark: Benchmark) -> Iterator[tuple[str, str]]:
    metrics = make_metrics(["ast_match"], benchmark)
    functions = functions_of((api.call for api in benchmark.catalogue), benchmark.conventions)
    for item in benchmark.rows:
        for fed, text in _answers(item):
            scored = score(metrics, item, extract(text, functions, question=item.instruction))
            if scored.metrics.get("ast.exact") != 1:
                label = scored.labels.get("ast.exact", "")
                message = scored.messages.get("ast.exact", "")
                yield item.id, f"its own {fed} is not right by ast.exact: {label} {message}".strip()
                break
            if scored.metrics.get("hallucination"):
                yield item.id, f"its own {fed} is a hallucination: {scored.messages.get('hallucination', '')}"
                break


def _answers(item: Item) -> tuple[tuple[str, str], ...]:
    return ("call", f"<<<api_call>>>: {item.reference_call}"), ("program", item.reference_program)
