"""A run from end to end: manifest, answers, scores, summary."""

import contextlib
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import RunError
from apigauge.file_formats import Summary
from apigauge.harness.evaluation import questions, run_directory
from apigauge.harness.evaluation.keys import Key, Keys
from apigauge.harness.evaluation.manifest import note, planned, sha256, start
from apigauge.harness.evaluation.meter import Meter
from apigauge.harness.evaluation.scoring import Tick, score_answers
from apigauge.harness.evaluation.summary import summarise
from apigauge.harness.evaluation.usage import Limits, Usage
from apigauge.harness.executors.local import LocalExecutor
from apigauge.harness.executors.prefetch import prefetch
from apigauge.harness.executors.types import Executor
from apigauge.harness.extraction.reasoning_tags import STRIP, of_record
from apigauge.harness.generation.types import Completion, Generator, Recording, Stoppable
from apigauge.sandboxes.verdict import Sandbox

# Seconds that an interrupted run waits for the thread that answers: for the next token of a large model on a CPU.
_PATIENCE = 20.0
# Answers that may wait to be scored: more than a model gives while programs run, and less than all.
_AHEAD = 4_096
_NO_LIMITS = Limits()
# Fields of a completion that a row has only where they say something.
_RARE = ("reasoning", "cached", "batch", "document")


def evaluate(
    benchmark: Benchmark,
    generator: Generator,
    run: Path,
    modules: Sequence[str],
    limit: int | None = None,
    workers: int | None = None,
    tick: Tick = lambda: None,
    sandbox: Sandbox | None = None,
    only: Sequence[Item] | None = None,
    reasoning: str = STRIP,
    limits: Limits = _NO_LIMITS,
    executor: Executor | None = None,
    meter: Meter | None = None,
) -> Summary:
    """Answers and scores a benchmark into a run directory, or resumes a run that was killed.

    Args:
        benchmark: the questions.
        generator: answers them.
        run: the directory; created if it does not exist.
        modules: metrics, by module.
        limit: only the first so many items. A higher limit than the run's extends it; a lower one is refused.
        workers: processes for scoring; all cores by default.
        tick: called after each answer scored.
        sandbox: where the answers' programs run; without one they do not, and ``exec.*`` is not measured.
        only: the items to answer now, at most as many as the limit says; the run is resumed for others, and not
            extended.
        reasoning: as for ``--reasoning``: ``strip``, ``keep`` or own tags.
        limits: of what the run may take; at one, the answers so far are scored and the others are missing.
        executor: where answers are scored, if not by ``workers`` of this machine.
        meter: counts and times the stages.

    Returns:
        The summary, as in ``summary.json``.

    Raises:
        RunError: the directory holds another run, is being written to, or cannot be written.
    """
    items = benchmark.items[:limit] if only is None else only
    started, hits = time.perf_counter(), generator.hits
    with run_directory.writing(run, is_growing=True) as lock:
        _refuse_others(run, items, only)
        new = planned(benchmark, generator, modules, limit, sandbox, reasoning)
        start(run, new, may_extend=only is None)
        questions.keep(benchmark, run)
        total = len(items) * generator.samples
        how = of_record(new["reasoning"])
        spending, meter = _Spending(limits), meter or Meter()

        def stop() -> None:
            _stop(generator)

        # Answers are generated in a thread, so that scoring and sandbox work on the first while more are generated.
        drawn = meter.through("answering", _answers(benchmark, generator, run, items, lock, spending))
        with contextlib.closing(prefetch(drawn, min(total + 1, _AHEAD), stop, _PATIENCE)) as answers:
            scores, where = run / run_directory.SCORES, executor or LocalExecutor(workers)
            score_answers(benchmark, answers, total, scores, modules, tick, sandbox, how, where, meter)
        _note(run, time.perf_counter() - started, generator, hits, limits)
        return summarise(benchmark, run, generator.problems, spending.usage)


def generate(
    benchmark: Benchmark,
    generator: Generator,
    run: Path,
    limit: int | None = None,
    tick: Tick = lambda: None,
    only: Sequence[Item] | None = None,
    limits: Limits = _NO_LIMITS,
) -> int:
    """Answers a benchmark without scoring; returns how many answers the run now holds.

    Args and errors are those of :func:`evaluate`.
    """
    items = benchmark.items[:limit] if only is None else only
    started, hits = time.perf_counter(), generator.hits
    with run_directory.writing(run, is_growing=True) as lock:
        _refuse_others(run, items, only)
        start(run, planned(benchmark, generator, [], limit, None), may_extend=only is None)
        questions.keep(benchmark, run)
        count = 0
        for _ in _answers(benchmark, generator, run, items, lock, _Spending(limits)):
            count += 1
            tick()
        _note(run, time.perf_counter() - started, generator, hits, limits)
        return count


def _note(run: Path, seconds: float, generator: Generator, hits: int, limits: Limits) -> None:
    """Notes in the manifest what this part of a run took; ``hits`` were those before it."""
    price = limits.price.to_json() if limits.price else None
    note(run, seconds, generator.hits - hits, generator.describe(), price)


def _refuse_others(run: Path, items: Sequence[Item], only: Sequence[Item] | None) -> None:
    """Refuses to resume, with the first items, a run of other chosen ones: its means would be of both.

    Raises:
        RunError: the run holds answers to other items.
    """
    if only is not None or not (run / run_directory.MANIFEST).exists():
        return
    if (run_directory.read_manifest(run)["benchmark"].get("items") or 0) > len(items):
        return  # a lowered limit, which start() refuses with better advice
    answered = {row["item"] for row in run_directory.iterate_rows(run / run_directory.GENERATIONS)}
    if others := len(answered - {item.id for item in items}):
        raise RunError(
            f"{run}: holds answers to {others} items that are not among the first {len(items)}, as "
            "`apigauge gate --budget` chooses them. Choose another folder, or leave out --limit to answer all."
        )


@dataclass(slots=True)
class _Spending:
    """What a run has taken so far, and what it may take."""

    limits: Limits
    usage: Usage = field(default_factory=Usage)
    reached: str = ""

    def add(self, completion: Completion) -> bool:
        """Counts an answer; whether a limit is reached with this one."""
        self.usage.add(completion)
        was = self.reached
        self.look()
        return bool(self.reached and not was)

    def look(self) -> None:
        """Notes whether a limit is reached, as other runs' usage may have done."""
        self.reached = self.reached or self.usage.reached(self.limits)


def _answers(
    benchmark: Benchmark,
    generator: Generator,
    run: Path,
    items: Sequence[Item],
    lock: run_directory.Lock,
    spending: _Spending,
) -> Iterator[Completion]:
    """The answers that a run already holds, then the missing ones, each written as soon as it is generated.

    They are drawn in a thread that may outlast the call that wanted them, and hold the run until they are closed.
    """
    with (
        lock.held(),
        contextlib.closing(run_directory.Appender(run / run_directory.GENERATIONS)) as file,
    ):
        done = Keys()
        for completion in stored(run, benchmark):
            done.add((completion.item, completion.sample))
            spending.add(completion)
        spending.look()
        # Read again, so that none is scored before all are sound.
        yield from stored(run, benchmark) if done else ()
        if isinstance(generator, Recording):
            generator.record_in(run)
        if spending.reached and (missing := _missing(items, generator.samples, done)):
            generator.unanswered = missing
        else:
            yield from _generated(benchmark, generator, items, done, file, spending)
        if spending.reached and generator.unanswered:
            generator.problems.append(f"{spending.reached}: with a higher limit the same command answers the rest")


def _generated(
    benchmark: Benchmark,
    generator: Generator,
    items: Sequence[Item],
    done: Collection[Key],
    file: run_directory.Appender,
    spending: _Spending,
) -> Iterator[Completion]:
    """The missing answers, written."""
    by_id = {item.id: item for item in items}
    # A replayed file is read again on resume, so that its problems are reported every time.
    for completion in generator.generate(benchmark, items, done):
        row = {name: value for name, value in asdict(completion).items() if value or name not in _RARE}
        file.append(
            row | {"prompt_sha256": completion.prompt_sha256 or sha256(benchmark.prompt(by_id[completion.item]))}
        )
        is_reached = spending.add(completion)
        yield completion
        if is_reached and not _stop(generator, at_once=False):
            return


def _missing(items: Sequence[Item], samples: int, done: Collection[Key]) -> int:
    return sum((item.id, sample) not in done for item in items for sample in range(samples))


def _stop(generator: Generator, *, at_once: bool = True) -> bool:
    """Ends what a generator is answering in another thread; whether it can."""
    if not isinstance(generator, Stoppable):
        return False
    generator.stop(at_once=at_once)
    return True


def stored(run: Path, benchmark: Benchmark) -> Iterator[Completion]:
    """A run's answers.

    Raises:
        RunError: an answer belongs to no item of the benchmark.
    """
    ids = {item.id for item in benchmark.items}
    for row in run_directory.iterate_rows(run / run_directory.GENERATIONS):
        if row["item"] not in ids:
            raise RunError(f"{run}: item {row['item']!r} is not in {benchmark.name}; was its data replaced?")
        yield Completion(
            row["item"],
            row["sample"],
            row["text"],
            row.get("finish_reason", "stop"),
            row.get("prompt_tokens"),
            row.get("completion_tokens"),
            row.get("prompt_sha256"),
            reasoning=row.get("reasoning", ""),
            cached=row.get("cached", False),
            batch=row.get("batch", False),
            document=row.get("document", ""),
        )
