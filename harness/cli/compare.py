"""``apigauge compare``: two runs over one benchmark, answer by answer."""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import UsageError
from apigauge.harness.cli.options import add_common
from apigauge.harness.cli.output import print_json, say

if TYPE_CHECKING:
    from apigauge.benchmarks import Benchmark
    from apigauge.harness.comparison.compare import Agreement, Comparison, Difference, LoadedRun
    from apigauge.harness.comparison.logits import Gap, Logits
    from apigauge.harness.evaluation.run_directory import Key

    Gaps = Mapping[Key, Gap | str]

_SHOWN, _NAMED = 20, 10
# Of the table in a log, so that no number is cut.
_WIDTH = 116


def add(commands: "argparse._SubParsersAction[Any]") -> None:
    """Declares the command."""
    parser = commands.add_parser("compare", help="say where two runs over one benchmark differ, and by how much")
    parser.add_argument("a", type=Path, metavar="RUN_A", help="a run's folder")
    parser.add_argument(
        "b", type=Path, metavar="RUN_B", help="another's, over the same benchmark; differences are B - A"
    )
    parser.add_argument(
        "--tokenizer",
        metavar="PATH_OR_ID",
        help="finds the token at which texts part (default: that of --logits, or else words, spaces and signs)",
    )
    parser.add_argument(
        "--logits",
        metavar="hf:PATH_OR_ID",
        help="a checkpoint, run here in float32 on the CPU: how far apart its two likeliest tokens are there",
    )
    parser.add_argument(
        "--out", type=Path, metavar="DIR", help="write a page with both answers to each item side by side"
    )
    add_common(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    from apigauge.benchmarks import load_benchmark
    from apigauge.harness.comparison.compare import check_benchmarks, compare, read
    from apigauge.harness.comparison.logits import gaps, load_tokenizer

    kind, _, name = (arguments.logits or "").partition(":")
    if arguments.logits and (kind != "hf" or not name):
        raise UsageError(f"--logits {arguments.logits}: the form is hf:PATH_OR_ID")
    if arguments.logits and arguments.tokenizer:
        raise UsageError("--tokenizer: --logits reads tokens as its checkpoint does; leave out one of the two")
    a, b = read(arguments.a), read(arguments.b)
    check_benchmarks(a, b)
    benchmark = None
    if (a.scores and b.scores) or name:
        benchmark = load_benchmark(a.manifest["benchmark"].get("name", ""), arguments.data_dir)
        if benchmark.digest != a.manifest["benchmark"].get("digest"):
            say(f"apigauge: the data of {benchmark.name} here is not what the runs answered; APIs are grouped by it")
    model = _load(name, (a, b)) if name else None
    tokenizer = model.tokenizer if model else load_tokenizer(arguments.tokenizer) if arguments.tokenizer else None
    apis = {item.id: item.api for item in benchmark.items} if benchmark else {}
    found = compare(a, b, apis, tokenizer)
    known = gaps(model, benchmark, a, b, found.different) if model and benchmark else {}
    if not (a.scores and b.scores):
        say("apigauge: not both runs are scored; only texts are compared")
    if found.withheld:
        say(f"apigauge: {', '.join(found.withheld)} left out: a run had too much trouble of its sandbox's own")
    index = _write_page(arguments, found, benchmark) if arguments.out else None
    if arguments.json:
        print_json(_json(found, known) | ({"index": str(index)} if index else {}))
    else:
        _print(found, known, a.path, b.path)
        if index:
            print(f"\n{index}")
    return 0


def _write_page(arguments: argparse.Namespace, found: "Comparison", benchmark: "Benchmark | None") -> Path:
    from apigauge.harness.cli.report import view
    from apigauge.reports.comparison import write_comparison
    from apigauge.reports.views import ComparisonView, ContrastView, PairView

    items = {item.id: item for item in benchmark.items} if benchmark else {}
    a, b = (
        view(path, arguments.data_dir, {benchmark.name: items} if benchmark else {})
        for path in (arguments.a, arguments.b)
    )
    answers = {(row.id, row.sample): row for row in b.rows}
    identical = {"texts": found.texts, "extractions": found.extractions, "verdicts": found.verdicts}
    page = ComparisonView(
        a=a,
        b=b,
        contrasts={name: ContrastView(**contrast.to_json()) for name, contrast in found.metrics.items()},
        pairs=[
            PairView(items[row.id].api, row, answers[key]) for row in a.rows if (key := (row.id, row.sample)) in answers
        ],
        manifests=found.manifests,
        identical={what: (alike.identical, alike.compared) for what, alike in identical.items()},
        only_a=len(found.only_a),
        only_b=len(found.only_b),
        withheld=found.withheld,
    )
    return write_comparison(page, arguments.out)


def _load(name: str, compared: "Sequence[LoadedRun]") -> "Logits":
    from apigauge.harness.comparison.logits import Logits

    model = Logits(name)
    revision = model.describe()["revision"]
    for one in compared:
        made = one.manifest.get("generator", {})
        if made.get("revision", revision) != revision or made.get("adapter"):
            say(f"apigauge: {one.path} was made with other weights than --logits reads")
    return model


def _json(found: "Comparison", gaps: "Gaps") -> dict[str, Any]:
    different = []
    for one in found.different:
        gap = gaps.get((one.item, one.sample))
        told = {"gap": None, "why": gap} if isinstance(gap, str) else asdict(gap) if gap else None
        different.append(one.to_json() | ({"logits": told} if gaps else {}))
    return {
        "metrics": {name: contrast.to_json() for name, contrast in found.metrics.items()},
        "pairs": found.pairs,
        "texts": found.texts.to_json(),
        "extractions": found.extractions.to_json(),
        "verdicts": found.verdicts.to_json(),
        "different": different,
        "only_a": [{"item": item, "sample": sample} for item, sample in found.only_a],
        "only_b": [{"item": item, "sample": sample} for item, sample in found.only_b],
        "withheld": found.withheld,
        "manifests": [{"name": name, "a": a, "b": b} for name, a, b in found.manifests],
    }


def _print(found: "Comparison", gaps: "Gaps", a: Path, b: Path) -> None:
    """For people: the metrics, what was made otherwise, how many pairs are alike, and the first that are not.

    Texts of models and manifests are printed as Python writes them, so that none can steer a terminal.
    """
    if found.metrics:
        _print_metrics(found)
    print(f"A is {a}, B is {b}")
    for name, first, second in found.manifests:
        print(f"made otherwise: {name}: {first!r} -> {second!r}")
    print(f"{found.pairs} pairs of answers")
    for what, alike in (("texts", found.texts), ("extractions", found.extractions), ("verdicts", found.verdicts)):
        _print_agreement(what, alike)
    for side, keys in (("A", found.only_a), ("B", found.only_b)):
        if keys:
            more = f" and {len(keys) - _NAMED} more" if len(keys) > _NAMED else ""
            print(
                f"only in {side}: {len(keys)} of its answers: {', '.join(_name(*key) for key in keys[:_NAMED])}{more}"
            )
    for one in found.different[:_SHOWN]:
        print(f"\nitem {_name(one.item, one.sample)}")
        for line in _lines(one, gaps.get((one.item, one.sample))):
            print(f"  {line}")
    if len(found.different) > _SHOWN:
        print(f"\nand {len(found.different) - _SHOWN} more that differ; --json has all")


def _print_metrics(found: "Comparison") -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table()
    table.add_column("metric")
    for heading in ("A", "B", "B - A", "95 % interval", "p", "p (Holm)", "detectable", "answers"):
        table.add_column(heading, justify="right")
    for name, one in found.metrics.items():
        by, least = one.difference, one.minimum_detectable
        table.add_row(
            name,
            f"{one.a:.4f}",
            f"{one.b:.4f}",
            f"{by.value:+.4f}",
            f"{by.low:+.3f}, {by.high:+.3f}",
            _p(one.p),
            _p(one.p_adjusted),
            f"{least:.4f}" if least is not None else "none",
            str(by.n),
        )
    Console(width=None if sys.stdout.isatty() else _WIDTH).print(table)
    print(
        "p: were A and B alike, the chance of such a difference, either way; Holm: adjusted for all of these metrics\n"
        "detectable: the least difference that would be found in 80 % of all cases"
    )


def _p(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-4 else "<0.0001"


def _print_agreement(what: str, alike: "Agreement") -> None:
    if alike.compared:
        share = alike.identical / alike.compared
        print(f"identical {what}: {alike.identical} of {alike.compared} ({share:.2%})")
    else:
        print(f"identical {what}: none to compare")


def _name(item: str, sample: int) -> str:
    """An item's id, and which of its answers unless it is the first."""
    plain = item if item.isprintable() else repr(item)
    return f"{plain} (sample {sample})" if sample else plain


def _lines(one: "Difference", gap: "Gap | str | None") -> list[str]:
    """What differs between two answers, a line for each respect."""
    lines = []
    if one.text:
        a, b = (repr(token) if token is not None else "the end" for token in (one.text.a, one.text.b))
        lines.append(f"text: token {one.text.position} is {a} in A, {b} in B; before it {one.text.before!r}")
    if isinstance(gap, str):
        lines.append(f"logits: no gap: {gap}")
    elif gap:
        lines.append(f"logits: {gap.top[0]!r} is ahead of {gap.top[1]!r} by {gap.gap:.6g}")
        if one.text and not {one.text.a, one.text.b} - {None} <= {*gap.top}:
            lines.append(
                "        which are other tokens than the texts': these were drawn, or not written as they are read"
            )
    if "call" in one.extraction:
        lines.append("call: {!r} -> {!r}".format(*one.extraction["call"]))
    if "program" in one.extraction:
        lines.append("program: another")
    if one.verdict:
        lines.append("verdict: {} -> {}".format(*map(_verdict, one.verdict)))
    if one.metrics:
        numbers = (f"{name} {a:.6g} -> {b:.6g}" for name, (a, b) in one.metrics.items())
        lines.append(f"scores: {', '.join(numbers)}")
    return lines


def _verdict(verdict: Mapping[str, Any]) -> str:
    category = f"/{verdict['category']}" if verdict["category"] else ""
    return f"{verdict['status']}{category} at stage {verdict['stage']}"
