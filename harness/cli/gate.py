"""``apigauge gate``: is a run worse than its baseline? The exit code answers."""

import argparse
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import RunError, UsageError
from apigauge.harness.cli import failures
from apigauge.harness.cli.cost import add_cost, check_cost, limits_for
from apigauge.harness.cli.options import (
    add_common,
    add_reasoning,
    add_sandbox,
    local_path,
    metric_modules,
    positive,
    sandbox_for,
    stored_run,
    workers,
)
from apigauge.harness.cli.other_harnesses import add_readers, as_runs
from apigauge.harness.cli.output import print_json, progress, say, say_error, tell_problems
from apigauge.harness.cli.rerun import rescore
from apigauge.harness.cli.run import add_generation, model_options

if TYPE_CHECKING:
    from apigauge.benchmarks import Item
    from apigauge.harness.gate.ci_files import Report
    from apigauge.harness.gate.criterion import Criterion
    from apigauge.harness.gate.decide import Judgement
    from apigauge.harness.gate.interim import Interim
    from apigauge.harness.gate.outcomes import Outcomes

EXIT = {"pass": 0, "regression": 1, "inconclusive": 3}
_APIS, _ITEMS = 10, 8


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    parser.description = (
        "Exit codes: 0 not worse, 1 a regression, 3 too few answers to tell, 4 broken: nothing was decided."
    )
    parser.add_argument("run", type=stored_run, metavar="RUN", help="a scored run; with --budget, a new folder")
    parser.add_argument(
        "--baseline", type=stored_run, metavar="RUN_OR_FILE", help="another run, or a file that --save-baseline wrote"
    )
    parser.add_argument(
        "--metric",
        action="append",
        metavar="NAME[:MARGIN]",
        help="a metric to judge, and the drop that must be ruled out for a pass (default: all that the baseline has, "
        "with a margin of 0.05 of the metric's range); may be given several times",
    )
    parser.add_argument(
        "--slice",
        action="append",
        choices=("domain", "library"),
        help="look for regressions in each domain or library as well; may be given twice",
    )
    parser.add_argument(
        "--base-ref",
        metavar="REF",
        help="a commit or branch of git: says if it has another baseline than --baseline, and what that decides",
    )
    parser.add_argument(
        "--save-baseline",
        type=local_path,
        metavar="FILE",
        help="write the run's outcomes, to be committed; with --baseline, only if the run passes",
    )
    parser.add_argument("--markdown", type=local_path, metavar="FILE", help="write the decision for a pull request")
    parser.add_argument("--junit", type=local_path, metavar="FILE", help="write it as JUnit XML, a test a metric")
    parser.add_argument(
        "--title", metavar="TEXT", help="what is judged, as Markdown and JUnit call it (default: the benchmark's name)"
    )
    parser.add_argument(
        "--rescore",
        action="store_true",
        help="if the two were scored by different scorers, score both again in their folders, as `apigauge rerun` does",
    )
    add_common(parser)
    add_readers(parser)
    looks = parser.add_argument_group("asking no more questions than the decision takes")
    looks.add_argument(
        "--budget", type=positive, metavar="N", help="ask up to N questions, a tenth at a time, until it is decided"
    )
    looks.add_argument("--model", metavar="SPEC", help="the model that answers them, as for `apigauge run`")
    add_generation(parser)
    add_cost(parser)
    scoring = parser.add_argument_group("scoring (--budget, --rescore)")
    scoring.add_argument(
        "-n", "--workers", type=workers, metavar="N", help="processes for scoring (default: auto, all cores)"
    )
    add_reasoning(scoring)
    add_sandbox(parser, "auto; with --rescore, the kind each run was made with")
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; whatever happens, the documents say so.

    Raises:
        RunError: something ended the process, such as a plugin's ``sys.exit``, whose code must not be a decision.
    """
    from apigauge.harness.gate import ci_files

    title, files = arguments.title or arguments.run.name, (arguments.markdown, arguments.junit)
    try:
        _check(arguments)
        # Whoever is killed leaves these, and not those of an earlier call.
        ci_files.write(ci_files.Report(title, "broken", error=ci_files.UNDECIDED), *files)
        return _of_any_harness(arguments)
    except BaseException as error:
        for problem in ci_files.write_broken(title, failures.explain(error), *files):
            say_error(problem)
        if isinstance(error, SystemExit | GeneratorExit):
            raise RunError(f"the gate was ended by {type(error).__name__} ({error})") from error
        if isinstance(error, BrokenPipeError):
            raise RunError("the gate was ended by a pipe that nothing reads") from error
        raise


def _of_any_harness(arguments: argparse.Namespace) -> int:
    """Runs the command on runs, of which each may be another harness's results."""
    paths = [arguments.run, *([arguments.baseline] if arguments.baseline else [])]
    metrics = frozenset(metric.partition(":")[0] for metric in arguments.metric or ())
    with as_runs(paths, arguments, metrics=metrics, is_compared=True, has_texts=False) as runs:
        if runs == paths:
            return _run(arguments)
        if arguments.rescore or arguments.base_ref:
            raise UsageError("gate: --rescore and --base-ref are for runs of apigauge's, not for other harnesses'")
        names = vars(arguments) | {"run": runs[0], "baseline": runs[1] if arguments.baseline else None}
        return _run(argparse.Namespace(**names, named=arguments.run))


def _run(arguments: argparse.Namespace) -> int:
    result: dict[str, Any] = {}
    code = 0
    if arguments.baseline:
        from apigauge.harness.gate import ci_files

        report, result = _decide(arguments)
        code = EXIT[report.decision]
        ci_files.write(report, arguments.markdown, arguments.junit)
        if not arguments.json:
            _shown(lambda: _print(report))
        for note in report.notes:
            if note.startswith("Warning"):
                say_error(note)
    if arguments.save_baseline:
        _save(arguments, code)
    if arguments.json:
        _shown(lambda: print_json(result))
    return code


def _decide(arguments: argparse.Namespace) -> "tuple[Report, dict[str, Any]]":
    """The report, and the same for ``--json``."""
    from apigauge.harness.gate import base_ref, decide, render
    from apigauge.harness.gate.ci_files import Report
    from apigauge.harness.gate.outcomes import read

    stopped = None
    baseline = read(arguments.baseline)
    if arguments.budget:
        stopped, criteria = _ask(arguments, baseline)
        outcomes = read(arguments.run)
        findings, decision = stopped.findings, stopped.decision
        notes, sides = decide.notes(baseline, outcomes, criteria), render.sides(baseline, outcomes)
    else:
        judgement, baseline, outcomes = _judge(arguments, baseline)
        findings, decision, notes, sides = judgement.findings, judgement.decision, judgement.notes, judgement.sides
    result: dict[str, Any] = {"decision": decision, "metrics": [finding.to_json() for finding in findings]}
    if arguments.base_ref:
        kinds = arguments.slice or ()
        benchmark = decide.benchmark_of(baseline, outcomes, arguments.data_dir)
        change = base_ref.since(arguments.base_ref, baseline, outcomes, arguments.metric or (), kinds, benchmark)
        notes = [*notes, *change.notes]
        result["base_ref"] = {"ref": change.ref, "changed": change.changed, "decision": change.decision or None}
    result |= {"notes": notes, "models": {name: dict(one.model) for name, one in _named(baseline, outcomes)}}
    if stopped:
        result |= {"asked": stopped.questions, "budget": stopped.budget}
    title = arguments.title or baseline.benchmark
    return Report(title, decision, findings, interim=stopped, notes=notes, sides=sides), result


def _named(baseline: "Outcomes", run: "Outcomes") -> "tuple[tuple[str, Outcomes], tuple[str, Outcomes]]":
    return ("baseline", baseline), ("run", run)


def _save(arguments: argparse.Namespace, code: int) -> None:
    """Writes the run's outcomes as a baseline, unless the run was judged and did not pass."""
    from apigauge.harness.gate.outcomes import read, save

    file = arguments.save_baseline
    if code:
        say_error(
            f"{file}: not written, since the run did not pass. To accept it all the same: "
            f"apigauge gate {getattr(arguments, 'named', arguments.run)} --save-baseline {file}"
        )
        return
    outcomes = read(arguments.run)
    replaced = _replaced(file)
    save(outcomes, file)
    say(f"apigauge: {file}: the outcomes of {len(outcomes.rows)} answers{replaced}")


def _replaced(file: Path) -> str:
    """What a file held that is about to be replaced."""
    from apigauge.harness.gate import render
    from apigauge.harness.gate.outcomes import read

    if not file.exists():
        return ""
    try:
        before = read(file)
    except RunError:
        return ", in the place of a file that was no baseline"
    return f", in the place of {len(before.rows)} of {render.answered_by(before)}"


def _shown(show: Callable[[], None]) -> None:
    """Prints a decision; that nothing reads it to its end does not change it."""
    try:
        show()
        sys.stdout.flush()
    except BrokenPipeError:
        failures.drop_output()


def _check(arguments: argparse.Namespace) -> None:
    if not (arguments.baseline or arguments.save_baseline):
        raise UsageError("gate: give --baseline RUN_OR_FILE, or --save-baseline FILE to make one")
    judged = ("metric", "slice", "markdown", "junit", "title", "budget", "rescore", "base_ref")
    if not arguments.baseline and any(getattr(arguments, name) for name in judged):
        raise UsageError("gate: all options except --save-baseline say how a run is judged; give --baseline as well")
    if arguments.base_ref is not None and not arguments.base_ref:
        raise UsageError("gate: --base-ref is empty: name a commit or branch, or leave it out")
    if bool(arguments.budget) != bool(arguments.model):
        raise UsageError("gate: --budget and --model go together: who answers, and how many questions at most")
    if arguments.budget and (arguments.rescore or arguments.save_baseline or arguments.slice):
        raise UsageError(
            "gate: leave --rescore, --slice and --save-baseline out with --budget: it asks only some questions"
        )
    check_cost(arguments)
    if not arguments.budget and (arguments.max_cost is not None or arguments.max_tokens):
        raise UsageError("gate: --max-cost and --max-tokens bound what --budget may take; a finished run takes nothing")


def _judge(arguments: argparse.Namespace, baseline: "Outcomes") -> "tuple[Judgement, Outcomes, Outcomes]":
    """Judges a finished run; returns both sides as they were judged, since ``--rescore`` may have replaced them."""
    from apigauge.harness.gate.criteria import criteria_for
    from apigauge.harness.gate.decide import Asked, benchmark_of, decide
    from apigauge.harness.gate.outcomes import read

    outcomes = read(arguments.run)
    metrics, kinds = arguments.metric or (), arguments.slice or ()
    benchmark = benchmark_of(baseline, outcomes, arguments.data_dir)
    criteria = criteria_for(baseline, metrics, kinds, benchmark)
    if arguments.rescore and _scored_differently(baseline, outcomes, criteria):
        if not baseline.path.is_dir():
            raise UsageError(f"--rescore: {baseline.path} holds no answers to score anew; save it again from its run")
        for path in (baseline.path, outcomes.path):
            # rescore() notes in the options what a run was made with; the next run must not get those.
            rescore(path, argparse.Namespace(**vars(arguments), metrics=None), otherwise="none")
        baseline, outcomes = read(baseline.path), read(outcomes.path)
        criteria = criteria_for(baseline, metrics, kinds, benchmark)
    questions = Asked.of(benchmark)
    # Its texts, of a million questions half a gigabyte.
    del benchmark
    return decide(baseline, outcomes, criteria, questions), baseline, outcomes


def _scored_differently(baseline: "Outcomes", outcomes: "Outcomes", criteria: "Sequence[Criterion]") -> bool:
    from apigauge.harness.gate.question_scores import metric_of

    return baseline.loader != outcomes.loader or any(
        baseline.scorers.get(name) != outcomes.scorers.get(name) for name in (metric_of(one.name) for one in criteria)
    )


def _ask(arguments: argparse.Namespace, baseline: "Outcomes") -> "tuple[Interim, list[Criterion]]":
    """Answers a part of the benchmark at a time until the run can be judged."""
    from apigauge.harness.evaluation.evaluate import evaluate, stored
    from apigauge.harness.evaluation.manifest import planned
    from apigauge.harness.evaluation.usage import usage_of
    from apigauge.harness.gate.criteria import criteria_for
    from apigauge.harness.gate.decide import benchmark_of
    from apigauge.harness.gate.interim import plan, turn_of, watch
    from apigauge.harness.gate.judge import check_comparable
    from apigauge.harness.gate.outcomes import of_run, read
    from apigauge.harness.gate.question_scores import metric_of
    from apigauge.harness.generation.backends import open_generator
    from apigauge.harness.metrics.registry import modules_for

    names = list(dict.fromkeys(metric_of(metric.partition(":")[0]) for metric in arguments.metric or ()))
    benchmark = benchmark_of(baseline, baseline, arguments.data_dir)
    limits = limits_for(arguments, arguments.model)
    generator = open_generator(arguments.model, model_options(arguments))
    reasoning = arguments.reasoning or "strip"
    with sandbox_for(benchmark, arguments.sandbox or "auto", names or None, arguments) as sandbox:
        modules = modules_for(names) if names else metric_modules(None)
        limit = min(arguments.budget, len(benchmark.items))
        planned_run = of_run(arguments.run, planned(benchmark, generator, modules, limit, sandbox, reasoning))
        criteria = criteria_for(baseline, arguments.metric or (), (), benchmark)
        check_comparable(replace(baseline, rows={}, withheld=False), planned_run, [one.name for one in criteria])
        questions = plan(benchmark.items, baseline, limit, turn_of(arguments.run))
        with progress(f"answering {benchmark.name}", len(questions.items) * generator.samples) as tick:

            def answer(items: "Sequence[Item]") -> "Outcomes | None":
                generator.problems.clear()  # of the look before
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
                    limits=limits,
                )
                if generator.unanswered:
                    tell_problems(generator.problems)
                if generator.unanswered and usage_of(stored(arguments.run, benchmark)).reached(limits):
                    return None
                return read(arguments.run)

            return watch(baseline, answer, criteria, questions), criteria


def _print(report: "Report") -> None:
    from apigauge.harness.cli.tables import Column, print_table
    from apigauge.harness.gate import render

    print(report.decision)
    for name, description in report.sides:
        print(f"{name}: {description}")
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
            for one in report.findings
        ],
    )
    if report.interim:
        print(render.stopping(report.interim))
    for note in report.notes:
        print(note)
    for one in report.findings:
        print(render.sentence(one))
        for line in render.lost(one, _APIS, _ITEMS):
            print(f"  {line}")
