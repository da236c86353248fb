"""``apigauge generate``: answers only; ``apigauge score RUN`` scores them, here or on another machine."""

import argparse
from typing import Any

from apigauge.harness.cli.options import add_common, default_out
from apigauge.harness.cli.output import print_json, progress, say, tell_problems
from apigauge.harness.cli.run import add_generation, add_model, model_options, told_unanswered


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declares the command."""
    parser = commands.add_parser("generate", help="answer a benchmark without scoring")
    add_model(parser)
    add_generation(parser)
    add_common(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from apigauge.benchmarks import load_benchmark
    from apigauge.harness.evaluation.evaluate import generate
    from apigauge.harness.generation.backends import open_generator

    benchmark = load_benchmark(arguments.benchmark, arguments.data_dir)
    generator = open_generator(arguments.model, model_options(arguments))
    out = arguments.out or default_out(benchmark.name, generator.describe()["spec"])
    with progress(f"answering {benchmark.name}", len(benchmark.items[: arguments.limit]) * generator.samples) as tick:
        count = generate(benchmark, generator, out, arguments.limit, tick)
    tell_problems(generator.problems)
    if arguments.json:
        print_json({"run": str(out), "answers": count})
    else:
        say(f"{out} holds {count} answers; `apigauge score {out}` scores them")
    return told_unanswered(generator)
