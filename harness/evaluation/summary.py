"""From the rows of ``scores.jsonl`` to ``summary.json``: means with intervals, labels, problems."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from apigauge.benchmarks.types import Benchmark
from apigauge.file_formats import MetricSummary, ScoreRow, Summary
from apigauge.harness.evaluation import ceilings, run_directory, unfinished
from apigauge.harness.evaluation.samples import summarise_samples
from apigauge.harness.evaluation.usage import Usage, price_of
from apigauge.harness.metrics.executability import MAX_INFRA_ERROR_RATE, infra_errors, is_withheld, withheld_names
from apigauge.harness.metrics.table import NAMES, TOP
from apigauge.harness.metrics.types import SCORER_ERROR
from apigauge.harness.statistics.intervals import estimate

# What the two problems of a scoring are recognised by.
_UNSCORED, _WITHHELD = f"labelled {SCORER_ERROR}", "exec.* is withheld"


def summarise(benchmark: Benchmark, run: Path, problems: Sequence[str], usage: Usage) -> Summary:
    """Aggregates a run's scores into ``summary.json`` and returns it.

    Args:
        benchmark: what the run answers.
        run: the run directory.
        problems: of the answers; those of the scoring are added.
        usage: what the answers took.
    """
    rows, manifest = run_directory.read_scores(run), run_directory.read_manifest(run)
    apis = {item.id: item.api for item in benchmark.items}
    failed, ran = infra_errors(rows)
    withheld = withheld_names(rows) if is_withheld(failed, ran) else []
    scored = [name for name in NAMES if name not in withheld and any(name in row["metrics"] for row in rows)]
    items = {row["item"] for row in rows}
    counted = unfinished.count(rows)
    summary: Summary = {
        "schema_version": run_directory.SCHEMA_VERSION,
        "items": len(items),
        "expected": manifest["benchmark"]["items"],
        "metrics": {name: _with_unfinished(_estimate(rows, name, apis), rows, name) for name in scored},
        "labels": _count_labels(rows),
        "infra_error_rate": failed / ran if ran else None,
        "withheld": withheld,
        "ceilings": {} if withheld else ceilings.load(benchmark, manifest.get("sandbox"), items),
        "problems": [*problems, *_scoring_problems(rows), *filter(None, [unfinished.problem(counted)])],
    }
    if counted:
        summary["unfinished"] = counted
    if taken := usage.to_json(price_of(manifest.get("price"))):
        summary["usage"] = taken
    if samples := summarise_samples([_without(row, withheld) for row in rows] if withheld else rows, apis):
        summary["samples"] = samples
    run_directory.write_json(run / run_directory.SUMMARY, summary)
    return summary


def _without(row: ScoreRow, withheld: Sequence[str]) -> ScoreRow:
    """A row without the scores of these metrics."""
    return {**row, "metrics": {name: score for name, score in row["metrics"].items() if name not in withheld}}


def _scoring_problems(rows: Sequence[ScoreRow]) -> list[str]:
    """What went wrong in the scoring rather than in the answers."""
    problems = []
    if unscored := sum(SCORER_ERROR in row["labels"].values() for row in rows):
        problems.append(f"{unscored} answers made a metric fail; they are {_UNSCORED} and left out of it")
    failed, ran = infra_errors(rows)
    if is_withheld(failed, ran):
        problems.append(
            f"{failed} of {ran} programs could not be run because the sandbox failed, more than "
            f"{MAX_INFRA_ERROR_RATE:.0%}: {_WITHHELD}. `apigauge sandbox doctor` says what is wrong; "
            "then `apigauge rerun` the run."
        )
    return problems


def is_scoring_problem(problem: str) -> bool:
    """Whether a summary's problem came from its scoring, in this version's words or in older ones."""
    return _UNSCORED in problem or _WITHHELD in problem or unfinished.is_problem(problem)


def _count_labels(rows: Sequence[ScoreRow]) -> dict[str, dict[str, int]]:
    """How often each label occurs, by metric, the most frequent first."""
    labels = {}
    for metric in sorted({metric for row in rows for metric in row["labels"]}):
        counts = Counter(row["labels"][metric] for row in rows if metric in row["labels"])
        labels[metric] = dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))
    return labels


def _with_unfinished(entry: MetricSummary, rows: Sequence[ScoreRow], name: str) -> MetricSummary:
    """A metric's summary with how many of its answers are unfinished, where the rows say so."""
    if record := unfinished.count([row for row in rows if name in row["metrics"]]):
        entry["unfinished"], entry["unfinished_share"] = record["count"], record["share"]
    return entry


def _estimate(rows: Sequence[ScoreRow], name: str, apis: Mapping[str, str]) -> MetricSummary:
    """The mean with its interval; intervals are computed on shares, so rungs are scaled to 0..1 and back."""
    top = TOP.get(name, 1.0)
    pairs = [(row["metrics"][name] / top, apis[row["item"]]) for row in rows if name in row["metrics"]]
    entry = estimate([value for value, _ in pairs], [api for _, api in pairs]).to_json()
    return cast("MetricSummary", entry | {key: entry[key] * top for key in ("value", "low", "high")})
