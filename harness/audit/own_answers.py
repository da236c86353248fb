"""Which items' own references reach every score, and why the others do not: for benchmarks that are being made."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from apigauge.benchmarks.folder import load
from apigauge.benchmarks.types import Benchmark, Item
from apigauge.harness.audit.references import program_answers
from apigauge.harness.evaluation.execution import executed
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import extract
from apigauge.harness.metrics.correctness import Correctness
from apigauge.harness.metrics.observed_calls import ObservedCalls
from apigauge.harness.metrics.registry import make_metrics, score
from apigauge.harness.metrics.types import Scored
from apigauge.sandboxes.verdict import Sandbox, Verdict


def rejected_calls(folder: Path) -> dict[str, str]:
    """The items whose reference, as an answer, is not right by ``ast.exact``, with the reason.

    Args:
        folder: of a benchmark.
    """
    return dict(_by_call(load(folder)))


def rejected_programs(folder: Path, sandbox: Sandbox) -> dict[str, str]:
    """The items whose reference program is not right by ``exec.correct``, or prints something else than before.

    Args:
        folder: of a benchmark, in which the first output of each item is what its program has printed.
        sandbox: where the programs run, as answers do.
    """
    benchmark = load(folder)
    printed = {item.id: item.output[0] for item in benchmark.rows if item.output}
    reasons: dict[str, str] = {}

    def compare(item: str, verdict: Verdict) -> Scored:
        if verdict.status == "passed" and verdict.output != printed.get(item, verdict.output):
            reasons[item] = "it does not print the same twice"
        return Scored({})

    answers = program_answers(benchmark)
    correctness = Correctness(benchmark)
    with closing(executed(answers, sandbox, ObservedCalls(benchmark), correctness, compare)) as finished:
        for answer in finished:
            if answer["metrics"].get("exec.correct") != 1 and answer["item"] not in reasons:
                what = answer["messages"].get("exec.rate", "") or answer["messages"].get("exec.correct", "")
                label = answer["labels"]["exec.rate"]
                reasons[answer["item"]] = f"its own program is not right by exec.correct: {label} {what}".strip()
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
