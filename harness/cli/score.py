"""``apigauge score``: score answers that exist, from a file or in a run directory."""

import argparse
from pathlib import Path

from apigauge.errors import UsageError
from apigauge.harness.cli.live import add_profile, add_prometheus_port, metrics_served
from apigauge.harness.cli.options import (
    add_common,
    add_executor,
    add_sandbox,
    add_scoring,
    executor_for,
    metric_modules,
    new_run,
    positive,
    stored_run,
)
from apigauge.harness.cli.output import print_json, print_summary, tell_problems
from apigauge.harness.cli.run import answer_and_score


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    parser.add_argument(
        "run",
        nargs="?",
        type=stored_run,
        metavar="RUN",
        help="a run's folder, e.g. of `apigauge generate`; with --metrics its other scores stay",
    )
    parser.add_argument("--benchmark", metavar="NAME_OR_DIR", help="the benchmark that the answers are for")
    parser.add_argument(
        "--responses",
        metavar="FILE",
        help="answers as JSON lines: `text` and `item` (or upstream's `question_id`); - reads standard input",
    )
    parser.add_argument("--out", type=new_run, metavar="DIR", help="the run's folder or address")
    parser.add_argument(
        "--limit", type=positive, metavar="N", help="only the first N items; a higher N later extends the run"
    )
    add_scoring(parser)
    add_sandbox(parser, "auto; for RUN, the kind that made it")
    add_executor(parser)
    add_prometheus_port(parser)
    add_profile(parser)
    add_common(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from apigauge.harness.generation.replay import Replay

    if arguments.run is not None:
        return _score_run(arguments)
    if not (arguments.benchmark and arguments.responses and arguments.out):
        raise UsageError("score: give a RUN, or --benchmark, --responses and --out together")
    from apigauge.benchmarks import load_benchmark

    modules = metric_modules(arguments.metrics)
    benchmark = load_benchmark(arguments.benchmark, arguments.data_dir)
    answers = Replay(str(find_responses(arguments.responses, arguments.data_dir)))
    with executor_for(arguments) as executor, metrics_served(arguments.prometheus_port):
        outcome = answer_and_score(arguments, benchmark, answers, arguments.out, modules, executor)
    if arguments.json:
        print_json(outcome.result)
    return outcome.code


def find_responses(name: str, data_dir: Path | None) -> Path:
    """The file of that path, or of that name among the released answers that `benchmarks fetch` downloaded."""
    from apigauge.benchmarks.files import search_path

    if not Path(name).is_file() and Path(name).name == name:
        for folder in search_path(data_dir):
            if (folder / "responses" / name).is_file():
                return folder / "responses" / name
    return Path(name)


def _score_run(arguments: argparse.Namespace) -> int:
    from apigauge.harness.cli.rerun import rescore

    if arguments.benchmark or arguments.responses or arguments.out or arguments.limit:
        raise UsageError("score RUN takes its benchmark and answers from the run; leave the other options out")
    if arguments.profile or arguments.prometheus_port is not None:
        raise UsageError("--profile and --prometheus-port: are for a file of answers, not for a RUN")
    summary, _ = rescore(arguments.run, arguments, otherwise="auto")
    tell_problems(summary["problems"])
    print_summary(arguments.run, summary, as_json=arguments.json)
    return 0
