"""``apigauge sweep``: models x benchmarks x versions x prompts x seeds from one file, as one plan that resumes."""

import argparse
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from apigauge.errors import UsageError
from apigauge.harness.cli.live import add_prometheus_port, metrics_served
from apigauge.harness.cli.options import (
    GIVEN,
    add_common,
    add_engines,
    add_executor,
    count,
    executor_for,
    local_path,
    positive,
    workers,
)
from apigauge.harness.cli.output import print_json, say
from apigauge.harness.cli.progress_lines import duration
from apigauge.harness.cli.run_file import options_of
from apigauge.harness.cli.sweep_state import Board, Entry

if TYPE_CHECKING:
    from apigauge.harness.cli.sweep_file import Plan
    from apigauge.harness.cli.sweep_plan import Benchmarks, Planned

# Of options that no sweep's file has.
_COMMAND_LINE = ("help", "dry-run", "status", "json", "log-format")
_FIRST = 10
# Shown in the table where a run has them.
_MAIN = ("ast.exact", "hallucination", "exec.rate")


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    parser.add_argument("file", type=Path, metavar="FILE", help="the sweep as TOML; docs/how-to/sweep.md shows one")
    parser.add_argument("--dry-run", action="store_true", help="only print the plan: runs, questions, cost")
    parser.add_argument("--status", action="store_true", help="only print how far the sweep has come")
    parser.add_argument(
        "--out", type=local_path, metavar="DIR", help="folder of the runs (default: runs/ and FILE's name)"
    )
    parser.add_argument(
        "--first",
        type=count,
        default=_FIRST,
        metavar="N",
        help=f"questions that every cell answers before any answers more ({_FIRST}); 0 for none",
    )
    parser.add_argument(
        "--site", metavar="DIR|none", help="where the leaderboard of all cells goes (default: site in the runs' folder)"
    )
    parser.add_argument(
        "--max-cost", type=float, metavar="USD", help="begin no further answer once all cells together cost so much"
    )
    parser.add_argument(
        "--max-tokens", type=positive, metavar="N", help="likewise, once prompts and answers have so many tokens"
    )
    parser.add_argument(
        "-n", "--workers", type=workers, metavar="N", help="processes for scoring (default: auto, all cores)"
    )
    add_executor(parser)
    add_engines(parser)
    add_prometheus_port(parser)
    add_common(parser)
    parser.set_defaults(function=partial(run, parser=parser))


def run(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Runs the command."""
    from apigauge.harness.cli.sweep_file import read
    from apigauge.harness.cli.sweep_plan import Benchmarks, notes, planned

    own = options_of(parser, _COMMAND_LINE)
    plan = read(arguments.file, own)
    _apply(arguments, plan, own)
    board = Board(arguments.out, plan.cells)
    if arguments.status:
        return _show(arguments, board)
    benchmarks = Benchmarks(arguments.data_dir)
    cells = planned(plan.cells, board, benchmarks, arguments)
    for line in notes(cells, plan.axes):
        say(f"apigauge: {line}")
    if arguments.dry_run:
        return _show_plan(arguments, cells, board)
    return _run(arguments, cells, board, benchmarks)


def _apply(arguments: argparse.Namespace, plan: "Plan", own: dict[str, argparse.Action]) -> None:
    """Sets the options of the sweep as a whole; the command line wins over the file."""
    given: set[str] = getattr(arguments, GIVEN, set())
    for name, value in plan.general.items():
        if own[name].dest not in given:
            setattr(arguments, own[name].dest, value)
    arguments.out = arguments.out or Path("runs") / arguments.file.stem
    if arguments.max_cost is not None and not arguments.max_cost > 0:
        raise UsageError("max-cost: give a number of dollars above 0")


def _run(arguments: argparse.Namespace, cells: "Sequence[Planned]", board: Board, benchmarks: "Benchmarks") -> int:
    """Does what is missing."""
    from apigauge.harness.cli.sweep_run import Runner
    from apigauge.harness.evaluation.run_directory import writing

    with writing(board.out), executor_for(arguments) as executor, metrics_served(arguments.prometheus_port):
        runner = Runner(cells, board, benchmarks, arguments, executor)
        runner.run()
        index = runner.write_site()
        board.save()
    if arguments.json:
        print_json(board.to_json() | {"site": str(index) if index else None})
    else:
        _print_state(board)
        if index:
            print(index)
    return runner.code


def _show(arguments: argparse.Namespace, board: Board) -> int:
    """``--status``."""
    if arguments.json:
        print_json(board.to_json())
    else:
        _print_state(board)
    return 0


def _print_state(board: Board) -> None:
    """The table of cells, and why some are not complete."""
    from apigauge.harness.cli.tables import Column, print_table, printable

    metrics = [name for name in _MAIN if any(name in entry.metrics for entry in board)]
    has_dollars = any(entry.dollars is not None for entry in board)
    columns = (
        Column("cell", folds=24),
        Column("answers", is_right=True),
        Column("state"),
        *(Column(name, is_right=True) for name in metrics),
        *([Column("cost", is_right=True)] * has_dollars),
        Column("time", is_right=True),
    )
    rows = [
        (
            entry.cell,
            f"{entry.answered:,} of {entry.expected or 'unknown':,}",
            entry.state,
            *(f"{entry.metrics[name]:.4f}" if name in entry.metrics else "-" for name in metrics),
            *([f"${entry.dollars:.4f}" if entry.dollars is not None else "-"] * has_dollars),
            duration(entry.seconds),
        )
        for entry in board
    ]
    print_table(columns, rows, title=str(board.out))
    for entry in board:
        if entry.error:
            print(printable(f"{entry.cell}: {entry.error}"))
    totals = board.totals()
    cost = f", ${totals['dollars']:.4f}" if totals["dollars"] is not None else ""
    failed = f", {totals['failed']} failed" if totals["failed"] else ""
    print(
        f"{totals['complete']} of {len(rows)} cells are complete{failed}, {totals['answered']:,} of "
        f"{totals['expected']:,} answers{cost}, {duration(totals['seconds'])}"
    )


def _show_plan(arguments: argparse.Namespace, cells: "Sequence[Planned]", board: Board) -> int:
    """``--dry-run``: the plan, in the order of the runs."""
    entries = [board[one.cell.name] for one in cells]
    dollars = [entry.dollars_at_most for entry in entries if entry.dollars_at_most is not None]
    requests = sum(one.plan["cost"]["requests"] for one in cells if one.plan and one.is_asking)
    totals = {
        "runs": len(cells),
        "questions": sum(entry.items for entry in entries),
        "answers": sum(entry.expected for entry in entries),
        "answered": sum(entry.answered for entry in entries),
        "requests": requests,
        "dollars_at_most": sum(dollars) if dollars else None,
    }
    if arguments.json:
        plans = [
            one.plan | {"cell": one.cell.name, "asks_model": one.is_asking}
            if one.plan
            else {"cell": one.cell.name, "error": str(one.error)}
            for one in cells
        ]
        print_json({"out": str(board.out), "cells": plans, **totals})
        return 0
    _print_plan(cells, entries)
    cost = f"; at most about ${totals['dollars_at_most']:,.2f}" if dollars else ""
    print(
        f"{totals['runs']} runs in {board.out}, {totals['questions']:,} questions, {totals['answers']:,} answers, of "
        f"which {totals['answered']:,} exist; {requests:,} requests to models{cost}"
    )
    return 0


def _print_plan(cells: "Sequence[Planned]", entries: Sequence[Entry]) -> None:
    from apigauge.harness.cli.tables import Column, print_table, printable

    right = [Column(heading, is_right=True) for heading in ("questions", "answers", "exist", "at most")]
    rows = []
    for one, entry in zip(cells, entries, strict=True):
        cost = f"${entry.dollars_at_most:,.2f}" if entry.dollars_at_most is not None else "-"
        answers = "" if one.is_asking else f"of {one.shares[0].cell.name}"
        rows.append((entry.cell, f"{entry.items:,}", f"{entry.expected:,}", f"{entry.answered:,}", cost, answers))
    shares = any(row[-1] for row in rows)
    columns = (Column("cell", folds=24), *right, *([Column("answers are those", folds=24)] * shares))
    print_table(columns, [row if shares else row[:-1] for row in rows])
    for one in cells:
        if one.error:
            print(printable(f"{one.cell.name} will fail: {one.error}"))
