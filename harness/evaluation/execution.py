"""Scored answers through a sandbox: rows in, the same rows out in the same order, each with its verdict.

Kept on purpose:

- Programs run in as many threads as the sandbox has workers, while further rows are still being generated and scored; a
  bounded number of rows waits.
- Equal programs are run once: models repeat themselves, and a verdict depends on the program alone. A verdict of
  ``infra`` is about the sandbox, not the program, and is never shared. Only the latest verdicts are remembered, so that
  memory does not grow with the run.
- An answer that was set aside has no program, and is the sandbox's failure and not the model's.
- A caller that stops early waits for no program: the sandbox is closed, which ends what runs in it, then the threads.
"""

from collections import deque
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from apigauge.harness.executors.prefetch import Pending
from apigauge.harness.metrics import executability
from apigauge.harness.metrics.correctness import Correctness
from apigauge.harness.metrics.correctness import scores as correctness_scores
from apigauge.harness.metrics.executability import (
    INFRA,
    NOTHING_TO_RUN,
    SET_ASIDE_VERDICT,
    is_set_aside,
    program_of,
)
from apigauge.harness.metrics.observed_calls import ObservedCalls
from apigauge.harness.metrics.types import Scored
from apigauge.sandboxes.verdict import NOTHING, DispatchingSandbox, Program, Sandbox, Verdict

# Rows that may wait for each thread: enough that one slow program does not leave the other threads idle.
AHEAD = 32
# Verdicts that are remembered for equal programs.
_REMEMBERED = 10_000

# Scores of an item's id and the verdict on its program.
Judge = Callable[[str, Verdict], Scored]
# A row of ``scores.jsonl``, or as much of one as has an extraction, metrics and labels.
Row = TypeVar("Row", bound=Mapping[str, Any])


@dataclass(frozen=True, slots=True)
class _Waiting(Generic[Row]):
    """A row whose program was started; ``shared`` if another row started it."""

    row: Row
    program: Program | None
    verdict: "Future[Verdict] | None"
    shared: bool


def executed(
    rows: Iterable[Row | Pending],
    sandbox: Sandbox,
    observed: ObservedCalls | None = None,
    correctness: Correctness | None = None,
    judge: Judge | None = None,
) -> Generator[Row, None, None]:
    """The rows with their verdicts and the scores of those, in the order they came.

    Args:
        rows: scored rows, as for ``scores.jsonl``; drawn lazily, a bounded number ahead. At ``PENDING`` all
            finished rows are yielded.
        sandbox: where their programs run; closed here if the rows are not taken to their end.
        observed: judges the calls that programs make, for ``exec.exact``; rows then need their ``item``.
        correctness: judges what programs do, for ``exec.correct``; likewise.
        judge: scores verdicts further, as plugins do; likewise.
    """
    threads = 1 if isinstance(sandbox, DispatchingSandbox) else sandbox.concurrency
    pool = ThreadPoolExecutor(threads, thread_name_prefix="sandbox")
    done = False
    try:
        programs = _Programs(sandbox, pool, observed, correctness, judge)
        yield from _in_order(rows, programs, AHEAD * sandbox.concurrency)
        done = True
    finally:
        if not done:
            pool.shutdown(wait=False, cancel_futures=True)
            sandbox.close()
        pool.shutdown()


def _in_order(rows: Iterable[Row | Pending], programs: "_Programs", ahead: int) -> Iterator[Row]:
    waiting: deque[_Waiting[Row]] = deque()
    for row in rows:
        if not isinstance(row, Pending):
            waiting.append(programs.start(row))
        while len(waiting) > ahead or (waiting and _is_ready(waiting[0])):
            yield programs.finish(waiting.popleft())
    while waiting:
        yield programs.finish(waiting.popleft())


def _is_ready(one: _Waiting[Any]) -> bool:
    return one.verdict is None or one.verdict.done()


class _Programs:
    """Starts programs, each distinct one once; used by one thread only."""

    def __init__(
        self,
        sandbox: Sandbox,
        pool: ThreadPoolExecutor,
        observed: ObservedCalls | None,
        correctness: Correctness | None,
        judge: Judge | None,
    ) -> None:
        self._sandbox = sandbox
        self._observed = observed
        self._correctness = correctness
        self._judge = judge
        self._functions = observed.functions if observed else ()
        self._pool = pool
        self._verdicts: dict[Program, Future[Verdict]] = {}

    def start(self, row: Row) -> _Waiting[Row]:
        """Starts a row's program, unless it has none or an equal one was started before."""
        if is_set_aside(row):
            return _Waiting(row, None, _settled(SET_ASIDE_VERDICT), shared=False)
        program = program_of(row["extraction"]["call"], row["extraction"]["program"], self._functions)
        if program is None:
            return _Waiting(row, None, None, shared=False)
        if self._correctness:
            program = self._correctness.for_item(program, row.get("item", ""))
        verdict = self._verdicts.get(program)
        return _Waiting(row, program, verdict or self._submit(program), shared=verdict is not None)

    def finish(self, waiting: _Waiting[Row]) -> Row:
        """The row with its verdict, waited for."""
        return with_verdict(waiting.row, self._verdict(waiting), self._observed, self._correctness, self._judge)

    def _verdict(self, waiting: _Waiting[Any]) -> Verdict:
        if waiting.verdict is None:
            return NOTHING_TO_RUN
        verdict = waiting.verdict.result()
        if waiting.program is None:
            return verdict
        if verdict.status == INFRA and waiting.shared:  # the sandbox failed for another row; try again for this one
            newest = self._verdicts.get(waiting.program, waiting.verdict)
            verdict = newest.result()
            if verdict.status == INFRA:
                verdict = self._submit(waiting.program).result()
        if verdict.status == INFRA:
            self._verdicts.pop(waiting.program, None)
        return verdict

    def _submit(self, program: Program) -> "Future[Verdict]":
        if isinstance(self._sandbox, DispatchingSandbox):
            verdict = self._sandbox.submit(program)
        else:
            verdict = self._pool.submit(_run_program, self._sandbox, program)
        self._verdicts[program] = verdict
        if len(self._verdicts) > _REMEMBERED:
            del self._verdicts[next(iter(self._verdicts))]
        return verdict


def _settled(verdict: Verdict) -> "Future[Verdict]":
    future: Future[Verdict] = Future()
    future.set_result(verdict)
    return future


def _run_program(sandbox: Sandbox, program: Program) -> Verdict:
    """One program; a sandbox that raises, although it must not, is an infrastructure error too."""
    try:
        return sandbox.run(program)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is not the program's failure
        return Verdict("infra", NOTHING, None, f"the sandbox failed: {type(error).__name__}: {error}")


def with_verdict(
    row: Row,
    verdict: Verdict,
    observed: ObservedCalls | None = None,
    correctness: Correctness | None = None,
    judge: Judge | None = None,
) -> Row:
    """A row with a verdict and its scores, label and messages."""
    item = row.get("item", "")
    scored = executability.scores(verdict, item, observed)
    others = further = Scored({})
    if verdict.status != INFRA:  # of a failure of the sandbox nothing follows about the answer
        others = correctness_scores(verdict, item, correctness)
        further = judge(item, verdict) if judge else further
    entries = {
        "metrics": row["metrics"] | scored.metrics | others.metrics | further.metrics,
        "labels": row["labels"] | scored.labels | others.labels | further.labels,
        "messages": row.get("messages", {}) | scored.messages | others.messages | further.messages,
        "verdict": verdict.to_json(),
    }
    return cast("Row", {**row, **entries})
