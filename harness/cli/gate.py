"""``apigauge gate``: is a run worse than its baseline? The exit code says it."""

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import ApigaugeError, UsageError
from apigauge.harness.cli.options import add_common, add_sandbox, metric_modules, positive, sandbox_for
from apigauge.harness.cli.output import print_json, progress, say
from apigauge.harness.cli.rerun import rescore
from apigauge.harness.cli.run import add_generation, model_options

if TYPE_CHECKING:
    from apigauge.benchmarks import Item
    from apigauge.harness.gate.interim import Interim
    from apigauge.harness.gate.judge import Finding
    from apigauge.harness.gate.outcomes import Outcomes

EXIT = {"pass": 0, "regression": 1, "inconclusive": 3}
_APIS, _ITEMS = 10, 8
# Of the table in a log beside its first column, so that no number is cut.
_WIDTH = 90


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declares the command."""
    parser = commands.add_parser(
        "gate",
        help="say whether a run is worse than a baseline; for CI",
        description="Exit codes: 0 not worse, 1 a regression, 3 too few answers to tell, 4 the two cannot be compared.",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a scored run's folder; with --budget, one to be made")
    parser.add_argument(
        "--baseline", type=Path, metavar="RUN_OR_FILE", help="another run, or what --save-baseline wrote"
    )
    parser.add_argument(
        "--metric",
        action="append",
        metavar="NAME[:MARGIN]",
        help="a metric to judge, and the drop that must be ruled out for a pass (default: ast.exact and, where "
        "programs ran, exec.rate, with a margin of 0.05); may be given several times",
    )
    parser.add_argument(
        "--slice",
        action="append",
        choices=("domain", "library"),
        help="look for regressions in each domain or library as well; may be given twice",
    )
    parser.add_argument("--save-baseline", type=Path, metavar="FILE", help="write the run's outcomes, to be committed")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the decision for a pull request")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write it as JUnit XML, one test for each metric")
    parser.add_argument(
        "--title", metavar="TEXT", help="what is judged, as Markdown and JUnit call it (default: the benchmark's name)"
    )
    parser.add_argument(
        "--rescore",
        action="store_true",
        help="if the two were scored by different scorers, score both anew in their folders, as `apigauge rerun` does",
    )
    add_common(parser)
    looks = parser.add_argument_group("asking no more than it takes")
    looks.add_argument(
        "--budget", type=positive, metavar="N", help="ask up to N questions, a tenth at a time, until it is decided"
    )
    looks.add_argument("--model", metavar="SPEC", help="who answers them, as for `apigauge run`")
    add_generation(parser)
    scoring = parser.add_argument_group("scoring (--budget, --rescore)")
    scoring.add_argument("--workers", type=positive, metavar="N", help="processes for scoring (default: all cores)")
    add_sandbox(parser, "auto; with --rescore, the kind each run was made with")
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    _check(arguments)
    try:
        return _run(arguments)
    except ApigaugeError as error:
        _write(arguments, arguments.title or arguments.run.name, "broken", [], str(error))
        raise


def _run(arguments: argparse.Namespace) -> int:
    from apigauge.harness.gate.judge import worst
    from apigauge.harness.gate.outcomes import read, save

    code, result = 0, dict[str, Any]()
    if arguments.baseline:
        baseline = read(arguments.baseline)
        stopped = _ask(arguments, baseline) if arguments.budget else None
        findings = stopped.findings if stopped else _judge(arguments, baseline)
        decision = worst(findings)
        code = EXIT[decision]
        result = {"decision": decision, "metrics": [finding.to_json() for finding in findings]}
        if stopped:
            result |= {"asked": stopped.asked, "budget": stopped.budget}
        _write(arguments, arguments.title or baseline.benchmark, decision, findings, stopped=stopped)
        if not arguments.json:
            _print(decision, findings, stopped)
    if arguments.save_baseline:
        outcomes = read(arguments.run)
        save(outcomes, arguments.save_baseline)
        say(f"apigauge: {arguments.save_baseline}: the outcomes of {len(outcomes.rows)} answers")
    if arguments.json:
        print_json(result)
    return code


def _check(arguments: argparse.Namespace) -> None:
    if not (arguments.baseline or arguments.save_baseline):
        raise UsageError("gate: give --baseline RUN_OR_FILE, or --save-baseline FILE to make one")
    judged = ("metric", "slice", "markdown", "junit", "title", "budget", "rescore")
    if not arguments.baseline and any(getattr(arguments, name) for name in judged):
        raise UsageError("gate: all options but --save-baseline say how a run is judged; give --baseline as well")
    if bool(arguments.budget) != bool(arguments.model):
        raise UsageError("gate: --budget and --model go together: who is to answer, and how many questions at most")
    if arguments.budget and (arguments.rescore or arguments.save_baseline or arguments.slice):
        raise UsageError(
            "gate: leave --rescore, --slice and --save-baseline out with --budget: it asks chosen questions only"
        )


def _write(
    arguments: argparse.Namespace,
    title: str,
    decision: str,
    findings: "Sequence[Finding]",
    trouble: str = "",
    stopped: "Interim | None" = None,
) -> None:
    """The documents asked for; ``trouble`` says why there are no findings."""
    from apigauge.harness.gate import render

    for path, text in (
        (arguments.markdown, render.markdown(title, decision, findings, trouble, stopped)),
        (arguments.junit, render.junit(title, findings, trouble)),
    ):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def _judge(arguments: argparse.Namespace, baseline: "Outcomes") -> "list[Finding]":
    """Judges a run that has been made."""
    from apigauge.benchmarks import load_benchmark
    from apigauge.harness.gate import slices
    from apigauge.harness.gate.judge import judge
    from apigauge.harness.gate.outcomes import read

    outcomes = read(arguments.run)
    asked = slices.named(arguments.metric) if arguments.metric else slices.default(baseline, outcomes)
    if arguments.rescore and any(baseline.scorers.get(one.name) != outcomes.scorers.get(one.name) for one in asked):
        if not baseline.path.is_dir():
            raise UsageError(f"--rescore: {baseline.path} holds no answers to score anew; save it again from its run")
        for path in (baseline.path, outcomes.path):
            # What a run was made with is noted in the options, and must not be taken for the other's.
            rescore(path, argparse.Namespace(**vars(arguments), metrics=None), otherwise="none")
        baseline, outcomes = read(baseline.path), read(outcomes.path)
    benchmark = load_benchmark(outcomes.benchmark, arguments.data_dir)
    asked = slices.with_parts(asked, slices.split(benchmark, arguments.slice or ()))
    return judge(baseline, outcomes, asked, {item.id: item.api for item in benchmark.items})


def _ask(arguments: argparse.Namespace, baseline: "Outcomes") -> "Interim":
    """Makes a run, a part at a time, until it can be judged."""
    from apigauge.benchmarks import load_benchmark
    from apigauge.harness.evaluation.evaluate import evaluate
    from apigauge.harness.evaluation.manifest import planned
    from apigauge.harness.gate import slices
    from apigauge.harness.gate.interim import plan, watch
    from apigauge.harness.gate.judge import check
    from apigauge.harness.gate.outcomes import of_run, read
    from apigauge.harness.generation.backends import open_generator
    from apigauge.harness.metrics.registry import modules_for

    named = [metric.partition(":")[0] for metric in arguments.metric or ()]
    benchmark = load_benchmark(baseline.benchmark, arguments.data_dir)
    generator = open_generator(arguments.model, model_options(arguments))
    with sandbox_for(benchmark, arguments.sandbox or "auto", named or None, arguments) as sandbox:
        modules = modules_for(named) if named else metric_modules(None)
        limit = min(arguments.budget, len(benchmark.items))
        made = of_run(arguments.run, planned(benchmark, generator, modules, limit, sandbox))
        asked = slices.named(arguments.metric) if arguments.metric else slices.default(baseline, made)
        check(replace(baseline, rows={}, withheld=False), made, [one.name for one in asked])
        questions = plan(benchmark.items, baseline, limit)
        with progress(f"answering {benchmark.name}", len(questions.items) * generator.samples) as tick:

            def answer(items: "Sequence[Item]") -> "Outcomes":
                evaluate(
                    benchmark, generator, arguments.run, modules, limit, arguments.workers, tick, sandbox, only=items
                )
                return read(arguments.run)

            return watch(baseline, answer, asked, questions)


def _print(decision: str, findings: "Sequence[Finding]", stopped: "Interim | None") -> None:
    from rich.console import Console
    from rich.table import Table

    from apigauge.harness.gate import render

    table = Table()
    for name in ("metric", "baseline", "run", "difference", "95 % interval", "p", "decision"):
        table.add_column(name, no_wrap=True)
    for one in findings:
        table.add_row(
            one.title,
            f"{one.before:.4f}",
            f"{one.after:.4f}",
            f"{one.difference:+.4f}",
            f"{one.low:+.3f}, {one.high:+.3f}",
            f"{one.p_adjusted:.2g}",
            one.decision,
        )
    console = Console(width=None if sys.stdout.isatty() else _WIDTH + max(len(one.title) for one in findings))
    console.print(decision)
    console.print(table)
    if stopped:
        console.print(render.asked(stopped), markup=False, highlight=False, soft_wrap=True)
    for one in findings:
        console.print(render.sentence(one), markup=False, highlight=False, soft_wrap=True)
        for line in render.lost(one, _APIS, _ITEMS):
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
