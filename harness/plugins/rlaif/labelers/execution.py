"""``execution``: the sandbox's verdict on the answer's program.

It is asked what a verdict always tells, one question for each rung of the ladder, so that its score is the rung:
whether the program parses, whether its imports resolve, whether its API call was made and returned, and whether it ran
to its end. It is not asked whether a name is undefined (a program that fails before may have more of them), nor what
the program was for. A verdict of ``infra`` says nothing, and answers nothing.
"""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

from apigauge.benchmarks.types import Benchmark
from apigauge.harness.evaluation.execution import executed
from apigauge.harness.extraction.call_scan import functions_of
from apigauge.harness.extraction.extract import extract
from apigauge.harness.metrics.executability import INFRA
from apigauge.harness.plugins.rlaif.labelers import Answer, Labels
from apigauge.sandboxes.verdict import CALLED, ENDED, IMPORTS, PARSES, Sandbox

RUNGS = {"imports": IMPORTS, "parses": PARSES, "bugs": ENDED, "api": CALLED}


class Execution:
    """Runs programs.

    Args:
        benchmark: whose catalogue says which call of an answer is the one to watch.
        sandbox: where they run.
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
        """In order; as many programs run at once as the sandbox allows."""
        waiting = [answer for answer in answers if (answer.item.id, answer.sample) not in done]
        for answer, row in zip(waiting, executed(map(self._row, waiting), self._sandbox), strict=True):
            verdict = row["verdict"]
            is_infra = verdict["status"] == INFRA
            said = {name: None if is_infra else verdict["stage"] >= rung for name, rung in RUNGS.items()}
            reason = [f"{verdict['status']}: {verdict['reason']}"]
            yield answer, Labels(said, {name: reason for name, yes in said.items() if not yes})

    def _row(self, answer: Answer) -> dict[str, Any]:
        found = extract(answer.text, self._functions)
        return {
            "extraction": {"call": found.call, "program": found.program},
            "metrics": {},
            "labels": {},
            "messages": {},
        }
