"""``execution``: the sandbox's verdict on the answer's program.

It answers the questions that a verdict always decides, one for each stage, so that the score is the stage: whether the
program parses, whether its imports resolve, whether its API call was made and returned, and whether it ran to its end.
It does not answer whether names are undefined (a program that fails early may have more of them), nor whether the
program serves the request. A verdict of ``infra`` (sandbox failure) answers no question.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.evaluation.execution import executed
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import extract
from apigauge.harness.metrics.executability import INFRA
from apigauge.harness.plugins.rlaif.labelers.types import Answer, Labels
from apigauge.sandboxes.verdict import CALLED, ENDED, IMPORTS, PARSES, Sandbox

RUNGS = {"imports": IMPORTS, "parses": PARSES, "bugs": ENDED, "api": CALLED}


class Execution:
    """The sandbox as labeler.

    Args:
        benchmark: its catalogue decides which call of an answer is watched.
        sandbox: where programs run.
    """

    def __init__(self, benchmark: Benchmark, sandbox: Sandbox) -> None:
        self._functions = functions_of((api.call for api in benchmark.catalogue), benchmark.conventions)
        self._sandbox = sandbox

    def describe(self) -> dict[str, Any]:
        """The sandbox."""
        return {"kind": "execution", "questions": list(RUNGS), "sandbox": self._sandbox.describe()}

    def label(
        self, answers: Sequence[Answer], done: Collection[tuple[str, int]] = ()
    ) -> Iterator[tuple[Answer, Labels]]:
        """In order; the sandbox decides how many programs run at once."""
        waiting = [answer for answer in answers if (answer.item.id, answer.sample) not in done]
        for answer, row in zip(waiting, executed(map(self._row, waiting), self._sandbox), strict=True):
            verdict = row["verdict"]
            is_infra = verdict["status"] == INFRA
            answered = {name: None if is_infra else verdict["stage"] >= rung for name, rung in RUNGS.items()}
            reason = [f"{verdict['status']}: {verdict['reason']}"]
            yield answer, Labels(answered, {name: reason for name, yes in answered.items() if not yes})

    def _row(self, answer: Answer) -> dict[str, Any]:
        extraction = extract(answer.text, self._functions)
        return {
            "extraction": {"call": extraction.call, "program": extraction.program},
            "metrics": {},
            "labels": {},
            "messages": {},
        }
