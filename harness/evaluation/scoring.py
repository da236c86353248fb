"""From answers to the rows of ``scores.jsonl``: extraction, static metrics, execution, one line for each answer."""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from apigauge.benchmarks.types import Benchmark
from apigauge.file_formats import ExtractionRecord, ScoreRow
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.execution import executed
from apigauge.harness.evaluation.meter import PARTS, Meter, Parts
from apigauge.harness.evaluation.unfinished import CUT_OFF, LENGTH, REASONING
from apigauge.harness.executors.local import LocalExecutor
from apigauge.harness.executors.prefetch import Pending
from apigauge.harness.executors.types import Executor
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import Extraction, extract
from apigauge.harness.extraction.reasoning_tags import Reasoning
from apigauge.harness.generation.types import Completion
from apigauge.harness.metrics.correctness import Correctness
from apigauge.harness.metrics.executability import INFRA, SET_ASIDE
from apigauge.harness.metrics.observed_calls import ObservedCalls
from apigauge.harness.metrics.registry import make_executed, make_static, score, static
from apigauge.sandboxes.verdict import Sandbox

Tick = Callable[[], None]
_STRIP = Reasoning()
_LOCAL = LocalExecutor()


def score_answers(
    benchmark: Benchmark,
    answers: Iterable[Completion | Pending],
    expected: int,
    file: Path,
    modules: Iterable[str],
    tick: Tick = lambda: None,
    sandbox: Sandbox | None = None,
    reasoning: Reasoning = _STRIP,
    executor: Executor = _LOCAL,
    meter: Meter | None = None,
) -> None:
    """Scores answers as they arrive and appends each row to a file; answers whose rows are in the file are skipped.

    Args:
        benchmark: what was asked.
        answers: may be ``PENDING`` while the next one is being generated; finished rows are written meanwhile.
        expected: how many answers there will be.
        file: ``scores.jsonl``.
        modules: metrics, by module.
        tick: called after each row.
        sandbox: where programs run; closed here if scoring is interrupted.
        reasoning: how the reasoning is separated from the answers.
        executor: where answers are scored; by default processes of this machine, one for each core.
        meter: counts and times the stages.
    """
    meter = meter or Meter()
    scores = run_directory.Appender(file)
    try:
        waited = meter.through("waiting", answers)
        unscored = (one for one in waited if isinstance(one, Pending) or (one.item, one.sample) not in scores.keys)
        with contextlib.ExitStack() as stack:
            factory = ScorerFactory(benchmark, tuple(modules), reasoning, profiles=meter.profiles)
            ordered = executor.ordered(factory, unscored, expected - len(scores.keys), factory.set_aside)
            rows = meter.through("scoring", ordered, inside=("waiting",))
            if sandbox:
                # On an exception the traceback would keep this generator alive, and with it the programs that run.
                judges = ObservedCalls(benchmark), Correctness(benchmark), make_executed(benchmark)
                ran = stack.enter_context(contextlib.closing(executed(rows, sandbox, *judges)))
                rows = meter.through("programs", ran, inside=("waiting", "scoring"))
            for row in rows:
                if not isinstance(row, Pending):
                    meter.write(cast("dict[str, Any]", row), scores.append)
                    tick()
    finally:
        scores.close()


@dataclass(frozen=True)
class ScorerFactory:
    """Builds the function that extracts and scores one answer; pickled for other processes."""

    benchmark: Benchmark
    modules: tuple[str, ...]
    reasoning: Reasoning = _STRIP
    profiles: bool = False
    # As of static(), filled in by the process that pickles it: the others need no table of metrics, and no plugin.
    metrics: Mapping[str, Mapping[str, float]] = field(init=False)

    def __post_init__(self) -> None:
        """Looks the modules up."""
        object.__setattr__(self, "metrics", static(self.modules, self.benchmark))

    def __call__(self) -> Callable[[Completion], ScoreRow]:
        """The function that scores a completion; pure, so it can run anywhere."""
        parts = Parts()
        metrics, read = make_static(self.metrics, self.benchmark), extract
        if self.profiles:
            metrics = [parts.timed(name, metric) for name, metric in zip(self.metrics, metrics, strict=True)]
            read = parts.timed("extraction", extract)
        items = {item.id: item for item in self.benchmark.items}
        functions = functions_of((api.call for api in self.benchmark.catalogue), self.benchmark.conventions)

        def scorer(completion: Completion) -> ScoreRow:
            item = items[completion.item]
            extraction = read(completion.text, functions, self.reasoning, item.instruction)
            extraction = with_end(extraction, completion)
            scored = score(metrics, item, extraction)
            record: ExtractionRecord = {
                "call": extraction.call,
                "program": extraction.program,
                "how": extraction.how,
            }
            if extraction.reasoning:
                record["reasoning"] = extraction.reasoning
            row: ScoreRow = {
                "item": completion.item,
                "sample": completion.sample,
                "extraction": record,
                "metrics": scored.metrics,
                "labels": scored.labels,
                "messages": scored.messages,
                "verdict": None,
                "unfinished": extraction.unfinished or None,
            }
            return cast("ScoreRow", {**row, PARTS: parts.take()}) if self.profiles else row

        return scorer

    def set_aside(self, completion: Completion, reason: str) -> ScoreRow:
        """The row of an answer that ends whatever process scores it: no numbers, and the reason."""
        names = [name for metrics in self.metrics.values() for name in metrics]
        return {
            "item": completion.item,
            "sample": completion.sample,
            "extraction": {"call": None, "program": None, "how": SET_ASIDE},
            "metrics": {},
            "labels": dict.fromkeys(names, INFRA),
            "messages": dict.fromkeys(names, reason),
            "verdict": None,
            "unfinished": None,
        }


def with_end(extraction: Extraction, completion: Completion) -> Extraction:
    """An extraction with what its completion says beyond the text: reasoning sent apart, and why the text ends.

    An answer of which the server sent the reasoning alone ends inside it.
    """
    apart = completion.reasoning
    unfinished = extraction.unfinished
    if not unfinished and apart.strip() and not completion.text.strip():
        unfinished = REASONING
    if not unfinished and completion.finish_reason.lower() in CUT_OFF:
        unfinished = LENGTH
    if unfinished == extraction.unfinished and not apart:
        return extraction
    written = "\n".join(part for part in (apart.strip(), extraction.reasoning) if part)
    return replace(extraction, unfinished=unfinished, reasoning=written)
