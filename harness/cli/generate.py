"""``apigauge generate``: answers only; ``apigauge score RUN`` scores them, here or on another machine."""

import argparse
from functools import partial
from typing import TYPE_CHECKING

from apigauge.harness.cli.cost import add_cost, check_cost, limits_for
from apigauge.harness.cli.dry_run import add_dry_run, dry_run
from apigauge.harness.cli.options import add_common
from apigauge.harness.cli.output import progress, say, tell_problems
from apigauge.harness.cli.pairs import Outcome, for_each_pair, run_folder
from apigauge.harness.cli.run import add_generation, add_model, code_of_unanswered, model_options
from apigauge.harness.cli.run_file import add_file, apply_file

if TYPE_CHECKING:
    from apigauge.benchmarks import Benchmark
    from apigauge.harness.generation.types import Generator


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    add_file(parser)
    add_model(parser)
    add_dry_run(parser)
    add_generation(parser)
    add_cost(parser)
    add_common(parser)
    parser.set_defaults(function=partial(run, parser=parser))


def run(arguments: argparse.Namespace, parser: argparse.ArgumentParser) -> int:
    """Runs the command."""
    from apigauge.harness.evaluation.addresses import shown
    from apigauge.harness.evaluation.evaluate import generate
    from apigauge.harness.evaluation.run_directory import GENERATIONS, iterate_rows
    from apigauge.harness.evaluation.unfinished import CUT_OFF
    from apigauge.harness.generation.backends import open_generator

    apply_file(parser, arguments)
    check_cost(arguments)
    options = model_options(arguments)
    if arguments.dry_run:
        return dry_run(arguments, options, runs_programs=False)

    def work(benchmark: "Benchmark", generator: "Generator") -> Outcome:
        spec = generator.describe()["spec"]
        out = run_folder(arguments, benchmark.name, spec)
        generator.problems.clear()  # of another benchmark
        hits = generator.hits
        total = len(benchmark.items[: arguments.limit]) * generator.samples
        with progress(f"answering {benchmark.name}", total) as tick:
            count = generate(benchmark, generator, out, arguments.limit, tick, limits=limits_for(arguments, spec))
        tell_problems(generator.problems)
        cut_off = sum(row.get("finish_reason", "").lower() in CUT_OFF for row in iterate_rows(out / GENERATIONS))
        if cut_off:
            say(f"apigauge: {cut_off} of {count} answers are cut off by the limit of tokens; see --max-new-tokens")
        if not arguments.json:
            taken = f", {generator.hits - hits} of them from the cache" if generator.hits > hits else ""
            say(f"{shown(out)} holds {count} answers{taken}; `apigauge score {shown(out)}` scores them")
        return Outcome(code_of_unanswered(generator), {"run": shown(out), "answers": count})

    return for_each_pair(arguments, lambda spec: open_generator(spec, options), work)
