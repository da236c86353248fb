"""``apigauge run``: answer a benchmark, score the answers."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.harness.cli.shared import (
    add_common,
    add_sandbox,
    add_scoring,
    default_out,
    metric_modules,
    positive,
    print_summary,
    progress,
    sandbox_for,
    tell_problems,
)

if TYPE_CHECKING:
    from apigauge.harness.generation import Generator


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declares the command."""
    parser = commands.add_parser("run", help="answer a benchmark and score the answers; run again to resume")
    add_model(parser)
    add_scoring(parser)
    add_sandbox(parser, "auto")
    add_common(parser)
    parser.set_defaults(function=run)


def add_model(parser: argparse.ArgumentParser) -> None:
    """``--benchmark``, ``--model``, ``--out`` and ``--limit``."""
    parser.add_argument("--benchmark", required=True, metavar="NAME", help="see `apigauge benchmarks list`")
    parser.add_argument("--model", required=True, metavar="SPEC", help="replay:FILE, constant:TEXT or retrieval:bm25")
    parser.add_argument("--out", type=Path, metavar="DIR", help="the run's folder (default: runs/BENCHMARK-MODEL)")
    parser.add_argument("--limit", type=positive, metavar="N", help="only the first N items")


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from apigauge.harness.generation import open_generator

    return answer_and_score(arguments, open_generator(arguments.model))


def answer_and_score(arguments: argparse.Namespace, generator: "Generator") -> int:
    """Runs a generator over a benchmark into a run directory and prints the result."""
    from apigauge.benchmarks import load_benchmark
    from apigauge.harness.evaluation import evaluate

    modules = metric_modules(arguments.metrics)
    benchmark = load_benchmark(arguments.benchmark, arguments.data_dir)
    out = arguments.out or default_out(benchmark.name, generator.describe()["spec"])
    total, kind = len(benchmark.items[: arguments.limit]), arguments.sandbox or "auto"
    with (
        sandbox_for(benchmark, kind, arguments.metrics, arguments) as sandbox,
        progress(f"scoring {benchmark.name}", total) as tick,
    ):
        summary = evaluate(benchmark, generator, out, modules, arguments.limit, arguments.workers, tick, sandbox)
    tell_problems(summary["problems"])
    print_summary(out, summary, as_json=arguments.json)
    return 0
