"""``apigauge gate``: is a run worse than its baseline? The exit code says it."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import ApigaugeError, UsageError
from apigauge.harness.cli.shared import add_common, print_json, say

if TYPE_CHECKING:
    from apigauge.harness.gate.judge import Asked, Finding
    from apigauge.harness.gate.outcomes import Outcomes

EXIT = {"pass": 0, "regression": 1, "inconclusive": 3}
_APIS, _ITEMS = 10, 8
# Of the table in a log, so that no number is cut.
_WIDTH = 110


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declares the command."""
    parser = commands.add_parser(
        "gate",
        help="say whether a run is worse than a baseline; for CI",
        description="Exit codes: 0 not worse, 1 a regression, 3 too few answers to tell, 4 the two cannot be compared.",
    )
    parser.add_argument("run", type=Path, metavar="RUN", help="a scored run's folder")
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
    parser.add_argument("--save-baseline", type=Path, metavar="FILE", help="write the run's outcomes, to be committed")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the decision for a pull request")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write it as JUnit XML, one test for each metric")
    parser.add_argument(
        "--title", metavar="TEXT", help="what is judged, as Markdown and JUnit call it (default: the benchmark's name)"
    )
    add_common(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    if not (arguments.baseline or arguments.save_baseline):
        raise UsageError("gate: give --baseline RUN_OR_FILE, or --save-baseline FILE to make one")
    if not arguments.baseline and (arguments.metric or arguments.markdown or arguments.junit or arguments.title):
        raise UsageError("gate: --metric, --markdown, --junit and --title tell of a judgement; give --baseline as well")
    try:
        return _run(arguments)
    except ApigaugeError as error:
        _write(arguments, arguments.title or arguments.run.name, "broken", [], str(error))
        raise


def _run(arguments: argparse.Namespace) -> int:
    from apigauge.benchmarks import load_benchmark
    from apigauge.harness.gate.judge import judge, worst
    from apigauge.harness.gate.outcomes import read, save

    outcomes = read(arguments.run)
    code, result = 0, {}
    if arguments.baseline:
        baseline = read(arguments.baseline)
        benchmark = load_benchmark(outcomes.benchmark, arguments.data_dir)
        asked = _asked(arguments.metric, baseline, outcomes)
        findings = judge(baseline, outcomes, asked, {item.id: item.api for item in benchmark.items})
        decision = worst(findings)
        code = EXIT[decision]
        result = {"decision": decision, "metrics": [finding.to_json() for finding in findings]}
        _write(arguments, arguments.title or outcomes.benchmark, decision, findings)
        if not arguments.json:
            _print(decision, findings)
    if arguments.save_baseline:
        save(outcomes, arguments.save_baseline)
        say(f"apigauge: {arguments.save_baseline}: the outcomes of {len(outcomes.rows)} answers")
    if arguments.json:
        print_json(result)
    return code


def _write(
    arguments: argparse.Namespace, title: str, decision: str, findings: "Sequence[Finding]", trouble: str = ""
) -> None:
    """The documents asked for; ``trouble`` says why there are no findings."""
    from apigauge.harness.gate import documents

    for path, text in (
        (arguments.markdown, documents.markdown(title, decision, findings, trouble)),
        (arguments.junit, documents.junit(title, findings, trouble)),
    ):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")


def _asked(metrics: Sequence[str] | None, baseline: "Outcomes", run: "Outcomes") -> "list[Asked]":
    from apigauge.harness.gate.judge import DEFAULT, Asked

    if not metrics:
        return [Asked(name) for name in DEFAULT if name in baseline.scorers and name in run.scorers] or [
            Asked(DEFAULT[0])
        ]
    asked = []
    for metric in metrics:
        name, given, margin = metric.partition(":")
        try:
            asked.append(Asked(name, float(margin)) if given else Asked(name))
        except ValueError:
            raise UsageError(f"--metric {metric}: the form is NAME or NAME:MARGIN, such as ast.exact:0.02") from None
        if not asked[-1].margin > 0:
            raise UsageError(f"--metric {metric}: the margin must be above 0")
    if len({one.name for one in asked}) < len(asked):
        raise UsageError("--metric: one metric is given twice")
    return asked


def _print(decision: str, findings: "Sequence[Finding]") -> None:
    from rich.console import Console
    from rich.table import Table

    from apigauge.harness.gate import documents

    table = Table()
    for name in ("metric", "baseline", "run", "difference", "95 % interval", "p", "decision"):
        table.add_column(name, no_wrap=True)
    for one in findings:
        table.add_row(
            one.name,
            f"{one.before:.4f}",
            f"{one.after:.4f}",
            f"{one.difference:+.4f}",
            f"{one.low:+.3f}, {one.high:+.3f}",
            f"{one.p_adjusted:.2g}",
            one.decision,
        )
    console = Console(width=None if sys.stdout.isatty() else _WIDTH)
    console.print(decision)
    console.print(table)
    for one in findings:
        console.print(documents.sentence(one), markup=False, highlight=False, soft_wrap=True)
        for line in documents.lost(one, _APIS, _ITEMS):
            console.print(f"  {line}", markup=False, highlight=False, soft_wrap=True)
