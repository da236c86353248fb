"""``apigauge gate``: is a run worse than its baseline? The exit code answers."""

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import ApigaugeError, UsageError
from apigauge.harness.cli.options import add_common, add_reasoning, add_sandbox, metric_modules, positive, sandbox_for
from apigauge.harness.cli.output import print_json, progress, say, say_error
from apigauge.harness.cli.rerun import rescore
from apigauge.harness.cli.run import add_generation, model_options

if TYPE_CHECKING:
    from apigauge.benchmarks import Item
    from apigauge.harness.gate.interim import Interim
    from apigauge.harness.gate.judge import Criterion, Finding
    from apigauge.harness.gate.outcomes import Outcomes

EXIT = {"pass": 0, "regression": 1, "inconclusive": 3}
_APIS, _ITEMS = 10, 8


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    parser.description = (
        "Exit codes: 0 not worse, 1 a regression, 3 too few answers to tell, 4 the two are not comparable."
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a scored run's folder; with --budget, a new folder")
    parser.add_argument(
        "--baseline", type=Path, metavar="RUN_OR_FILE", help="another run, or a file that --save-baseline wrote"
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
        help="if the two were scored by different scorers, score both again in their folders, as `apigauge rerun` does",
    )
    add_common(parser)
    looks = parser.add_argument_group("asking no more questions than the decision takes")
    looks.add_argument(
        "--budget", type=positive, metavar="N", help="ask up to N questions, a tenth at a time, until it is decided"
    )
    looks.add_argument("--model", metavar="SPEC", help="the model that answers them, as for `apigauge run`")
    add_generation(parser)
    scoring = parser.add_argument_group("scoring (--budget, --rescore)")
    scoring.add_argument("--workers", type=positive, metavar="N", help="processes for scoring (default: all cores)")
    add_reasoning(scoring)
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
    from apigauge.harness.gate import render
    from apigauge.harness.gate.judge import worst
    from apigauge.harness.gate.outcomes import read, save

    code, result = 0, dict[str, Any]()
    if arguments.baseline:
        baseline = read(arguments.baseline)
        stopped = _ask(arguments, baseline) if arguments.budget else None
        findings = stopped.findings if stopped else _judge(arguments, baseline)
        # Read again: --rescore may have replaced both.
        notes = render.unfinished(read(arguments.baseline), read(arguments.run))
        decision = worst(findings)
        code = EXIT[decision]
        result = {"decision": decision, "metrics": [finding.to_json() for finding in findings], "notes": notes}
        if stopped:
            result |= {"asked": stopped.questions, "budget": stopped.budget}
        _write(arguments, arguments.title or baseline.benchmark, decision, findings, stopped=stopped, notes=notes)
        if not arguments.json:
            _print(decision, findings, stopped, notes)
        for note in notes:
            if note.startswith("Warning"):
                say_error(note)
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
        raise UsageError("gate: all options except --save-baseline say how a run is judged; give --baseline as well")
    if bool(arguments.budget) != bool(arguments.model):
        raise UsageError("gate: --budget and --model go together: who answers, and how many questions at most")
    if arguments.budget and (arguments.rescore or arguments.save_baseline or arguments.slice):
        raise UsageError(
            "gate: leave --rescore, --slice and --save-baseline out with --budget: it asks only some questions"
        )


def _write(
    arguments: argparse.Namespace,
    title: str,
    decision: str,
    findings: "Sequence[Finding]",
    trouble: str = "",
    stopped: "Interim | None" = None,
    notes: "Sequence[str]" = (),
) -> None:
    """The documents that the options name; ``trouble`` says why there are no findings."""
    from apigauge.harness.gate import render

    for path, text in (
        (arguments.markdown, render.markdown(title, decision, findings, trouble, stopped, notes)),
        (arguments.junit, render.junit(title, findings, trouble, notes)),
    ):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def _judge(arguments: argparse.Namespace, baseline: "Outcomes") -> "list[Finding]":
    """Judges a finished run."""
    from apigauge.benchmarks import load_benchmark
    from apigauge.harness.gate import slices
    from apigauge.harness.gate.judge import judge
    from apigauge.harness.gate.outcomes import read

    outcomes = read(arguments.run)
    criteria = _criteria(arguments, baseline, outcomes)
    if arguments.rescore and any(baseline.scorers.get(one.name) != outcomes.scorers.get(one.name) for one in criteria):
        if not baseline.path.is_dir():
            raise UsageError(f"--rescore: {baseline.path} holds no answers to score anew; save it again from its run")
        for path in (baseline.path, outcomes.path):
            # rescore() notes in the options what a run was made with; the next run must not get those.
            rescore(path, argparse.Namespace(**vars(arguments), metrics=None), otherwise="none")
        baseline, outcomes = read(baseline.path), read(outcomes.path)
    benchmark = load_benchmark(outcomes.benchmark, arguments.data_dir)
    criteria = slices.with_slices(criteria, slices.split(benchmark, arguments.slice or ()), outcomes)
    return judge(baseline, outcomes, criteria, {item.id: item.api for item in benchmark.items})


def _criteria(arguments: argparse.Namespace, baseline: "Outcomes", outcomes: "Outcomes") -> "list[Criterion]":
    from apigauge.harness.gate import slices

    return slices.parse_criteria(arguments.metric) if arguments.metric else slices.default_criteria(baseline, outcomes)


def _ask(arguments: argparse.Namespace, baseline: "Outcomes") -> "Interim":
    """Answers a part of the benchmark at a time until the run can be judged."""
    from apigauge.benchmarks import load_benchmark
    from apigauge.harness.evaluation.evaluate import evaluate
    from apigauge.harness.evaluation.manifest import planned
    from apigauge.harness.gate.interim import plan, turn_of, watch
    from apigauge.harness.gate.judge import check_comparable
    from apigauge.harness.gate.outcomes import of_run, read
    from apigauge.harness.generation.backends import open_generator
    from apigauge.harness.metrics.registry import modules_for

    names = [metric.partition(":")[0] for metric in arguments.metric or ()]
    benchmark = load_benchmark(baseline.benchmark, arguments.data_dir)
    generator = open_generator(arguments.model, model_options(arguments))
    reasoning = arguments.reasoning or "strip"
    with sandbox_for(benchmark, arguments.sandbox or "auto", names or None, arguments) as sandbox:
        modules = modules_for(names) if names else metric_modules(None)
        limit = min(arguments.budget, len(benchmark.items))
        planned_run = of_run(arguments.run, planned(benchmark, generator, modules, limit, sandbox, reasoning))
        criteria = _criteria(arguments, baseline, planned_run)
        check_comparable(replace(baseline, rows={}, withheld=False), planned_run, [one.name for one in criteria])
        questions = plan(benchmark.items, baseline, limit, turn_of(arguments.run))
        with progress(f"answering {benchmark.name}", len(questions.items) * generator.samples) as tick:

            def answer(items: "Sequence[Item]") -> "Outcomes":
                evaluate(
                    benchmark,
                    generator,
                    arguments.run,
                    modules,
                    limit,
                    arguments.workers,
                    tick,
                    sandbox,
                    only=items,
                    reasoning=reasoning,
                )
                return read(arguments.run)

            return watch(baseline, answer, criteria, questions)


def _print(
    decision: str, findings: "Sequence[Finding]", stopped: "Interim | None", notes: "Sequence[str]" = ()
) -> None:
    from apigauge.harness.cli.tables import Column, print_table
    from apigauge.harness.gate import render

    print(decision)
    numbers = ("baseline", "run", "difference", "95 % interval", "p")
    print_table(
        (Column("metric"), *(Column(name) for name in numbers), Column("decision")),
        [
            (
                one.title,
                f"{one.before:.4f}",
                f"{one.after:.4f}",
                f"{one.difference:+.4f}",
                f"{one.low:+.3f}, {one.high:+.3f}",
                f"{one.p_adjusted:.2g}",
                one.decision,
            )
            for one in findings
        ],
    )
    if stopped:
        print(render.stopping(stopped))
    for note in notes:
        print(note)
    for one in findings:
        print(render.sentence(one))
        for line in render.lost(one, _APIS, _ITEMS):
            print(f"  {line}")
