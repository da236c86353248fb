"""Doing a sweep: cell after cell, the first questions of all before the rest, each cell's failure its own."""

import argparse
import contextlib
import gc
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from apigauge.errors import ApigaugeError, ExecutorError
from apigauge.harness.cli import failures
from apigauge.harness.cli.cost import price_for
from apigauge.harness.cli.options import metric_modules
from apigauge.harness.cli.output import say, say_error
from apigauge.harness.cli.progress_lines import duration
from apigauge.harness.cli.run import answer_and_score
from apigauge.harness.cli.sweep_plan import Benchmarks, Planned
from apigauge.harness.cli.sweep_state import Board, Entry
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.usage import Limits, Usage
from apigauge.harness.executors.engines import open_model

if TYPE_CHECKING:
    from apigauge.harness.executors.types import Executor
    from apigauge.harness.generation.options import ModelOptions
    from apigauge.harness.generation.sampling import Sampling
    from apigauge.harness.generation.types import Generator


class Runner:
    """Runs the cells of a plan.

    Args:
        cells: in the order of their runs.
        board: where their states are written.
        benchmarks: of the plan.
        general: options of the sweep as a whole.
        executor: where the work is done.
    """

    def __init__(
        self,
        cells: Sequence[Planned],
        board: Board,
        benchmarks: Benchmarks,
        general: argparse.Namespace,
        executor: "Executor",
    ) -> None:
        self._cells, self._board, self._benchmarks = cells, board, benchmarks
        self._general, self._executor = general, executor
        self._opened: tuple[tuple[str, ModelOptions], Generator, Sampling] | None = None
        self._failed: dict[str, int] = {}
        self._started, self._answered_before = time.monotonic(), board.totals()["answered"]

    @property
    def code(self) -> int:
        """The highest exit code of all cells; a cell that lacks answers has one, too."""
        lacking = [entry for entry in self._board if entry.state not in ("complete", "failed")]
        return max([ApigaugeError.exit_code * bool(lacking), *self._failed.values()])

    def run(self) -> None:
        """Runs them."""
        for one in self._cells:
            if one.error:
                self._fail(one, one.error)
        open_cells = [one for one in self._cells if not one.error and self._entry(one).state != "complete"]
        first = self._general.first
        early = [one for one in open_cells if self._is_early(one, first)]
        steps = [(one, min(first, self._entry(one).items)) for one in early]
        steps += [(one, None) for one in open_cells if one not in early or self._entry(one).items > first]
        for number, (one, limit) in enumerate(steps):
            if number == len(early) > 0:
                self.write_site()
            if one.cell.name not in self._failed:
                self._step(one, limit, f"{number + 1} of {len(steps)}")

    def _is_early(self, one: Planned, first: int) -> bool:
        """Whether a cell lacks some of its first answers, and was not extended beyond them by an earlier command."""
        entry = self._entry(one)
        samples = one.plan["samples"]
        if entry.answered >= min(first, entry.items) * samples:
            return False
        try:
            former = run_directory.read_manifest(self._board.folder(entry.cell))["benchmark"].get("items") or 0
        except ApigaugeError:
            former = 0
        return bool(former <= first)

    def _entry(self, one: Planned) -> Entry:
        return self._board[one.cell.name]

    def _step(self, one: Planned, limit: int | None, which: str) -> None:
        """Runs one cell, or its first questions, and notes the result."""
        entry, started = self._entry(one), time.monotonic()
        questions = f"first {limit} questions" if limit and limit < entry.items else f"{entry.items} questions"
        say(f"apigauge: {which}: {entry.cell}, {questions}")
        entry.state, entry.error = "running", ""
        self._board.save()
        try:
            self._score(one, limit)
        except ExecutorError:  # of what all cells need
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the other cells are run
            self._fail(one, error)
        finally:
            entry.seconds = round(entry.seconds + time.monotonic() - started, 3)
            self._note(one)
        say(f"apigauge: {self._progress()}")

    def _score(self, one: Planned, limit: int | None) -> None:
        arguments = argparse.Namespace(**vars(one.arguments))
        arguments.limit = limit or arguments.limit
        benchmark = self._benchmarks[one.cell.benchmark]
        generator = self._generator(one)
        modules = metric_modules(arguments.metrics)
        answer_and_score(arguments, benchmark, generator, arguments.out, modules, self._executor, self._limits(one))
        if generator.problems and generator.unanswered:
            self._entry(one).error = generator.problems[-1]

    def _open(self, one: Planned) -> "Generator":
        return open_model(self._executor, one.cell.model, one.options, self._general.engines, say)

    def _generator(self, one: Planned) -> "Generator":
        """What answers a cell: its model, or the run that has its answers. One model is loaded at a time."""
        if self._opened is None or self._opened[0] != one.loaded:
            self._opened = None
            _free()
            self._opened = (one.loaded, self._open(one), one.options.sampling)
        _, generator, sampling = self._opened
        if sampling != one.options.sampling:
            resampled = getattr(generator, "sampled", None)
            generator = resampled(one.options.sampling) if resampled else self._open(one)
        if one.is_asking:
            return generator
        from apigauge.harness.cli.versions import SameAnswers

        return SameAnswers(generator, one.shares[0].arguments.out)

    def _limits(self, one: Planned) -> Limits:
        """What a cell may take: the sweep's limits, less what the others have taken."""
        others = [entry for entry in self._board if entry.cell != one.cell.name]
        taken = (sum(entry.tokens for entry in others), sum(entry.dollars or 0.0 for entry in others))
        price = price_for(one.arguments, one.cell.model)
        most, dollars = self._general.max_tokens, self._general.max_cost if price else None
        return Limits(most, dollars, price, taken) if one.is_asking else Limits(price=price)

    def _note(self, one: Planned) -> None:
        """Writes how far a cell has come."""
        entry = self._entry(one)
        if entry.state == "running":
            entry.state = "complete"  # unless its run says otherwise
        self._board.refresh(entry)
        if one.is_asking:
            usage = self._usage(one)
            price = price_for(one.arguments, one.cell.model)
            entry.tokens = usage.prompt_tokens + usage.completion_tokens
            entry.dollars = usage.dollars(price) if price else None
        self._board.save()

    def _usage(self, one: Planned) -> Usage:
        """What the answers of a cell's run took."""
        from apigauge.harness.evaluation.evaluate import stored
        from apigauge.harness.evaluation.usage import usage_of

        try:
            return usage_of(stored(one.arguments.out, self._benchmarks[one.cell.benchmark]))
        except ApigaugeError:  # damaged, which the cell's error says
            return Usage()

    def _fail(self, one: Planned, error: BaseException) -> None:
        entry = self._entry(one)
        entry.state, entry.error = "failed", failures.explain(error)
        self._failed[entry.cell] = failures.exit_code(error)
        say_error(f"{entry.cell} failed: {entry.error}")

    def _progress(self) -> str:
        """One line: cells, answers, cost, time left."""
        totals = self._board.totals()
        parts = [f"{totals['complete']} of {len(self._cells)} cells are complete"]
        parts += [f"{totals['failed']} failed"] if totals["failed"] else []
        parts.append(f"{totals['answered']:,} of {totals['expected']:,} answers")
        if totals["dollars"] is not None:
            most = f" of {self._general.max_cost:g}" if self._general.max_cost is not None else ""
            parts.append(f"${totals['dollars']:.4f}{most}")
        seconds = time.monotonic() - self._started
        done = totals["answered"] - self._answered_before
        missing = sum(entry.expected - entry.answered for entry in self._board if entry.state != "failed")
        if done > 0 and missing > 0:
            parts.append(f"about {duration(seconds / done * missing)} left")
        return ", ".join(parts)

    def write_site(self) -> Path | None:
        """Writes the leaderboard of all cells that are scored; the path of its first page, if there is one."""
        site = self._general.site or str(self._board.out / "site")
        runs = [self._board.folder(entry.cell) for entry in self._board if self._board.is_scored(entry.cell)]
        if site == "none" or not runs:
            return None
        from apigauge.harness.cli.report import write_leaderboard

        try:
            return write_leaderboard(runs, Path(site), self._general.data_dir)
        except (ApigaugeError, OSError) as error:
            say_error(f"no leaderboard: {failures.explain(error)}")
            self._failed["site"] = failures.exit_code(error)
            return None


def _free() -> None:
    """Gives back the memory of a model that is no longer used, before the next one is loaded."""
    gc.collect()
    if torch := sys.modules.get("torch"):
        with contextlib.suppress(AttributeError, RuntimeError):
            torch.cuda.empty_cache()
