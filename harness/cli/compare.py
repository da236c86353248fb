"""``apigauge compare``: two runs over one benchmark, answer by answer."""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from apigauge.errors import UsageError
from apigauge.harness.cli.options import add_common, local_path, stored_run
from apigauge.harness.cli.other_harnesses import add_readers, as_runs
from apigauge.harness.cli.output import print_json, say, say_error

if TYPE_CHECKING:
    from apigauge.benchmarks import Benchmark, Item
    from apigauge.harness.comparison.compare import Agreement, Comparison, Difference, LoadedRun
    from apigauge.harness.comparison.logits import Gap, Logits
    from apigauge.harness.evaluation.run_directory import Key

    Gaps = Mapping[Key, Gap | str]

_SHOWN_PAIRS, _SHOWN_KEYS = 20, 10


def declare(parser: argparse.ArgumentParser) -> None:
    """Declares the options of the command."""
    parser.add_argument(
        "a", type=stored_run, metavar="RUN_A", help="a run's folder; or alone, a folder of runs of one set of answers"
    )
    parser.add_argument(
        "b",
        type=stored_run,
        nargs="?",
        metavar="RUN_B",
        help="another run's folder, over the same benchmark; differences are B - A. Without it, what broke where among "
        "the environments of `apigauge run --environment A,B`",
    )
    parser.add_argument(
        "--tokenizer",
        metavar="PATH_OR_ID",
        help="finds the first token that differs (default: that of --logits, otherwise words, spaces and signs)",
    )
    parser.add_argument(
        "--logits",
        metavar="hf:PATH_OR_ID",
        help="a checkpoint, run here in float32 on the CPU: the gap between its two likeliest tokens at that place",
    )
    parser.add_argument(
        "--out", type=local_path, metavar="DIR", help="write a page with both answers to each item side by side"
    )
    add_common(parser)
    add_readers(parser)
    parser.set_defaults(function=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    if arguments.b is None:
        return _versions(arguments)
    paths = [arguments.a, arguments.b]
    with as_runs(paths, arguments, is_compared=True, has_summary=bool(arguments.out)) as runs:
        names = vars(arguments) | {"a": runs[0], "b": runs[1]}
        return _compare(argparse.Namespace(**names), paths)


def _compare(arguments: argparse.Namespace, named: Sequence[Path]) -> int:
    """Compares two runs; ``named`` are their paths in messages."""
    from apigauge.harness.comparison.compare import check_benchmarks, compare, read
    from apigauge.harness.comparison.logits import gaps, load_tokenizer
    from apigauge.harness.evaluation import unfinished
    from apigauge.harness.evaluation.questions import reopen_for

    kind, _, name = (arguments.logits or "").partition(":")
    if arguments.logits and (kind != "hf" or not name):
        raise UsageError(f"--logits {arguments.logits}: the form is hf:PATH_OR_ID")
    if arguments.logits and arguments.tokenizer:
        raise UsageError("--tokenizer: --logits reads tokens as its checkpoint does; leave out one of the two")
    a = read(arguments.a)
    b = read(arguments.b, like=a)
    check_benchmarks(a, b)
    benchmark = None
    if (a.scores and b.scores) or name:
        benchmark = reopen_for(a.path, a.manifest["benchmark"], arguments.data_dir)
        if benchmark.digest != a.manifest["benchmark"].get("digest"):
            say(f"apigauge: {benchmark.name} here has other data than the runs answered; it is used to group by API")
    model = _load(name, (a, b)) if name else None
    tokenizer = model.tokenizer if model else load_tokenizer(arguments.tokenizer) if arguments.tokenizer else None
    # Equal ids are one text with those of the runs.
    apis = {sys.intern(item.id): item.api for item in benchmark.items} if benchmark else {}
    if not (arguments.out or model):
        # Its texts, of a million questions half a gigabyte.
        benchmark = None
    comparison = compare(a, b, apis, tokenizer)
    token_gaps = gaps(model, benchmark, a, b, comparison.different) if model and benchmark else {}
    if not (a.scores and b.scores):
        say("apigauge: a run is not scored, so only texts are compared")
    if comparison.withheld:
        say(f"apigauge: {', '.join(comparison.withheld)} left out: too many sandbox failures in one run")
    for side, path, record in zip("AB", named, comparison.unfinished, strict=True):
        if trouble := unfinished.problem(record):
            say_error(f"WARNING: {side} ({path}): {trouble}")
    index = _write_page(arguments, comparison, (a, b), benchmark) if arguments.out else None
    if arguments.json:
        print_json(
            _json(comparison) | ({"index": str(index)} if index else {}),
            {"different": _different(comparison, token_gaps)},
        )
    else:
        _print(comparison, token_gaps, *named)
        if index:
            print(f"\n{index}")
    return 0


def _versions(arguments: argparse.Namespace) -> int:
    """What broke where, among the runs in a folder.

    Raises:
        UsageError: another option is for two runs, or the folder has fewer runs.
    """
    from apigauge.harness.cli.find_runs import find_runs, is_run
    from apigauge.harness.cli.versions import print_drift
    from apigauge.harness.comparison.versions import drift

    if arguments.logits or arguments.tokenizer or arguments.out:
        raise UsageError("compare: --tokenizer, --logits and --out are for two runs; give RUN_B")
    if not arguments.a.is_dir() or is_run(arguments.a):
        raise UsageError(f"compare {arguments.a}: give another run, or a folder of runs of one set of answers")
    result = drift(find_runs(arguments.a))
    if arguments.json:
        print_json(result.to_json())
    else:
        print_drift(result)
    return 0


def _write_page(
    arguments: argparse.Namespace,
    comparison: "Comparison",
    runs: "tuple[LoadedRun, LoadedRun]",
    benchmark: "Benchmark | None",
) -> Path:
    from apigauge.harness.cli.report_views import name_of, view
    from apigauge.harness.cli.stored_answers import StoredAnswers
    from apigauge.harness.cli.stored_items import questions_of
    from apigauge.harness.evaluation.stored_rows import StoredRows
    from apigauge.reports.comparison import write_comparison
    from apigauge.reports.views import ComparisonView, ContrastView

    benchmarks = {name_of(runs[0].manifest): questions_of(benchmark)} if benchmark else {}
    items: Mapping[str, Item] = next((questions.items for questions in benchmarks.values()), {})
    a, b = (view(path, arguments.data_dir, benchmarks) for path in (arguments.a, arguments.b))
    ours, theirs = (
        StoredAnswers(items, cast("StoredRows", one.answers), cast("StoredRows", one.scores)) for one in runs
    )
    identical = {"texts": comparison.texts, "extractions": comparison.extractions, "verdicts": comparison.verdicts}
    page = ComparisonView(
        a=a,
        b=b,
        contrasts={name: ContrastView(**contrast.to_json()) for name, contrast in comparison.metrics.items()},
        pairs=ours.pairs(theirs),
        manifests=comparison.manifests,
        identical={what: (agreement.identical, agreement.compared) for what, agreement in identical.items()},
        only_a=len(comparison.only_a),
        only_b=len(comparison.only_b),
        withheld=comparison.withheld,
    )
    return write_comparison(page, arguments.out)


def _load(name: str, compared: "Sequence[LoadedRun]") -> "Logits":
    from apigauge.harness.comparison.logits import Logits

    model = Logits(name)
    revision = model.describe()["revision"]
    for each in compared:
        generator = each.manifest.get("generator", {})
        if generator.get("revision", revision) != revision or generator.get("adapter"):
            say(f"apigauge: {each.path} was answered by other weights than --logits reads")
    return model


def _different(comparison: "Comparison", gaps: "Gaps") -> Iterator[dict[str, Any]]:
    for difference in comparison.different:
        gap = gaps.get((difference.item, difference.sample))
        logits = {"gap": None, "why": gap} if isinstance(gap, str) else asdict(gap) if gap else None
        yield difference.to_json() | ({"logits": logits} if gaps else {})


def _json(comparison: "Comparison") -> dict[str, Any]:
    """All but the pairs that differ, whose place is kept."""
    return {
        "metrics": {name: contrast.to_json() for name, contrast in comparison.metrics.items()},
        "pairs": comparison.pairs,
        "texts": comparison.texts.to_json(),
        "extractions": comparison.extractions.to_json(),
        "verdicts": comparison.verdicts.to_json(),
        "different": [],
        "only_a": [{"item": item, "sample": sample} for item, sample in comparison.only_a],
        "only_b": [{"item": item, "sample": sample} for item, sample in comparison.only_b],
        "withheld": comparison.withheld,
        "unfinished": {"a": comparison.unfinished[0], "b": comparison.unfinished[1]},
        "manifests": [{"name": name, "a": a, "b": b} for name, a, b in comparison.manifests],
    }


def _print(comparison: "Comparison", gaps: "Gaps", a: Path, b: Path) -> None:
    """For people: the metrics, how the runs were made differently, how many pairs agree, and the first that do not.

    Texts of models and manifests are printed as Python writes them, so that none can steer a terminal.
    """
    from apigauge.harness.evaluation.unfinished import words

    if comparison.metrics:
        _print_metrics(comparison)
    print(f"A is {a}, B is {b}")
    for name, first, second in comparison.manifests:
        if name == "benchmark.loader" and None in (first, second):
            print(f"not known: whether {name} is equal; {'A' if first is None else 'B'} is of an older version")
        else:
            print(f"made differently: {name}: {first!r} -> {second!r}")
    for side, record in zip("AB", comparison.unfinished, strict=True):
        if record and record["count"]:
            print(f"unfinished in {side}: {words(record)}")
    print(f"{comparison.pairs} pairs of answers")
    for what in ("texts", "extractions", "verdicts"):
        _print_agreement(what, getattr(comparison, what))
    for side, keys in (("A", comparison.only_a), ("B", comparison.only_b)):
        if keys:
            more = f" and {len(keys) - _SHOWN_KEYS} more" if len(keys) > _SHOWN_KEYS else ""
            names = ", ".join(_name(*key) for key in keys[:_SHOWN_KEYS])
            print(f"only in {side}: {len(keys)} of its answers: {names}{more}")
    for one in comparison.different[:_SHOWN_PAIRS]:
        print(f"\nitem {_name(one.item, one.sample)}")
        for line in _lines(one, gaps.get((one.item, one.sample))):
            print(f"  {line}")
    if len(comparison.different) > _SHOWN_PAIRS:
        print(f"\nand {len(comparison.different) - _SHOWN_PAIRS} more that differ; --json has all")


def _print_metrics(comparison: "Comparison") -> None:
    from apigauge.harness.cli.tables import Column, print_table

    rows = []
    for name, contrast in comparison.metrics.items():
        difference = contrast.difference
        rows.append(
            (
                name,
                f"{contrast.a:.4f}",
                f"{contrast.b:.4f}",
                f"{difference.value:+.4f}",
                f"{difference.low:+.3f}, {difference.high:+.3f}",
                _p(contrast.p),
                _p(contrast.p_adjusted),
                _least(contrast.minimum_detectable, contrast.largest),
                _least(contrast.minimum_detectable_apis, contrast.largest),
                str(difference.n),
                f"{difference.effective_clusters:.1f}",
            )
        )
    headings = ("A", "B", "B - A", "95 % interval", "p", "p (Holm)", "detectable", "in APIs", "answers", "APIs")
    print_table((Column("metric"), *(Column(heading, is_right=True) for heading in headings)), rows)
    print(
        "p: the probability of a difference at least this large, either way, under the null hypothesis; Holm: adjusted "
        "for all of these metrics\n"
        "detectable: the least difference that would be detected in 80 % of all cases where answers are lost one by "
        "one; in APIs: where all answers about an API are lost together; > says that even the loss of all is not\n"
        "APIs: how many with equally many answers would say as much"
    )


def _least(value: float | None, largest: float) -> str:
    """A detectable difference; of one that there is not, what it would have to exceed."""
    return f"{value:.3g}" if value is not None else f">{largest:.3g}"


def _p(value: float) -> str:
    return f"{value:.2g}" if value >= 1e-4 else "<0.0001"


def _print_agreement(what: str, agreement: "Agreement") -> None:
    if agreement.compared:
        share = agreement.identical / agreement.compared
        print(f"identical {what}: {agreement.identical} of {agreement.compared} ({share:.2%})")
    else:
        print(f"identical {what}: none to compare")


def _name(item: str, sample: int) -> str:
    """An item's id, and the number of its answer unless it is the first."""
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
            lines.append("        the texts have other tokens there: sampled, or tokenized differently when read back")
    if "call" in one.extraction:
        lines.append("call: {!r} -> {!r}".format(*one.extraction["call"]))
    if "program" in one.extraction:
        lines.append("program: differs")
    if one.verdict:
        lines.append("verdict: {} -> {}".format(*map(_verdict, one.verdict)))
    if one.metrics:
        numbers = (f"{name} {a:.6g} -> {b:.6g}" for name, (a, b) in one.metrics.items())
        lines.append(f"scores: {', '.join(numbers)}")
    return lines


def _verdict(verdict: Mapping[str, Any]) -> str:
    category = f"/{verdict['category']}" if verdict["category"] else ""
    return f"{verdict['status']}{category} at stage {verdict['stage']}"
