"""From the rows of ``scores.jsonl`` to ``summary.json``: means with intervals, labels, problems."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

from apigauge.benchmarks.types import Benchmark
from apigauge.file_formats import Manifest, MetricSummary, ScoreRow, Summary, UnfinishedRecord
from apigauge.harness.evaluation import ceilings, run_directory, unfinished
from apigauge.harness.evaluation.samples import summarise_samples
from apigauge.harness.evaluation.score_rows import ScoreRows, Tally, tally
from apigauge.harness.evaluation.usage import Usage, price_of
from apigauge.harness.metrics.executability import INFRA, MAX_INFRA_ERROR_RATE, is_withheld, withheld_names
from apigauge.harness.metrics.table import NAMES, TOP
from apigauge.harness.metrics.types import SCORER_ERROR
from apigauge.harness.statistics.intervals import estimate

# What the two problems of a scoring are recognised by.
_UNSCORED, _SET_ASIDE, _WITHHELD = f"labelled {SCORER_ERROR}", f"set aside as {INFRA}", "exec.* is withheld"


def summarise(benchmark: Benchmark, run: Path, problems: Sequence[str], usage: Usage) -> Summary:
    """Aggregates a run's scores into ``summary.json`` and returns it; ``run`` is the run directory."""
    rows = cast("Iterator[ScoreRow]", run_directory.iterate_rows(run / run_directory.SCORES))
    summary = summary_of(benchmark, rows, run_directory.read_manifest(run), problems, usage)
    run_directory.write_json(run / run_directory.SUMMARY, summary)
    return summary


def summary_of(
    benchmark: Benchmark, rows: Iterable[ScoreRow], manifest: Manifest, problems: Sequence[str], usage: Usage
) -> Summary:
    """The summary of scores.

    Args:
        benchmark: what the run answers.
        rows: of ``scores.jsonl``, read once.
        manifest: of the run.
        problems: of the answers; those of the scoring are added.
        usage: what the answers took.
    """
    counts = tally(rows)
    scores = counts.scores
    apis = {item.id: item.api for item in benchmark.items}
    failed, ran = counts.failed, counts.ran
    withheld = withheld_names([{"metrics": scores.names}]) if is_withheld(failed, ran) else []
    scored = [name for name in NAMES if name not in withheld and name in scores.names]
    items = set(scores.items_asked)
    counted = counts.unfinished()
    summary: Summary = {
        "schema_version": run_directory.SCHEMA_VERSION,
        "items": len(items),
        "expected": manifest["benchmark"]["items"],
        "metrics": {name: _with_unfinished(_estimate(scores, name, apis), counts.unfinished(name)) for name in scored},
        "labels": _in_order(counts.labels),
        "infra_error_rate": failed / ran if ran else None,
        "withheld": withheld,
        "ceilings": {} if withheld else ceilings.load(benchmark, manifest.get("sandbox"), items),
        "problems": [*problems, *_scoring_problems(counts), *filter(None, [unfinished.problem(counted)])],
    }
    if counted:
        summary["unfinished"] = counted
    if taken := usage.to_json(price_of(manifest.get("price"))):
        summary["usage"] = taken
    if samples := summarise_samples(scores, scored, apis):
        summary["samples"] = samples
    return summary


def _scoring_problems(counts: Tally) -> list[str]:
    """What went wrong in the scoring rather than in the answers."""
    problems = []
    if counts.unscored:
        problems.append(f"{counts.unscored} answers made a metric fail; they are {_UNSCORED} and left out of it")
    if counts.set_aside:
        problems.append(
            f"{counts.set_aside} answers ended every process that scored them; they are {_SET_ASIDE} and left out"
        )
    if is_withheld(counts.failed, counts.ran):
        problems.append(
            f"{counts.failed} of {counts.ran} programs could not be run because the sandbox failed, more than "
            f"{MAX_INFRA_ERROR_RATE:.0%}: {_WITHHELD}. `apigauge sandbox doctor` says what is wrong; "
            "then `apigauge rerun` the run."
        )
    return problems


def is_scoring_problem(problem: str) -> bool:
    """Whether a summary's problem came from its scoring, in this version's words or in older ones."""
    return any(words in problem for words in (_UNSCORED, _SET_ASIDE, _WITHHELD)) or unfinished.is_problem(problem)


def _in_order(labels: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    """How often each label occurs, by metric, the most frequent first."""
    return {
        metric: dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))
        for metric, counts in sorted(labels.items())
    }


def _with_unfinished(entry: MetricSummary, record: UnfinishedRecord | None) -> MetricSummary:
    """A metric's summary with how many of its answers are unfinished, where the rows say so."""
    if record:
        entry["unfinished"], entry["unfinished_share"] = record["count"], record["share"]
    return entry


def _estimate(scores: ScoreRows, name: str, apis: Mapping[str, str]) -> MetricSummary:
    """The mean with its interval; intervals are computed on shares, so rungs are scaled to 0..1 and back."""
    top = TOP.get(name, 1.0)
    values, has = scores.column(name)
    clusters = [apis[item] for item, is_there in zip(scores.items_asked, has.tolist(), strict=True) if is_there]
    entry = estimate((values[has] / top).tolist(), clusters).to_json()
    return cast("MetricSummary", entry | {key: entry[key] * top for key in ("value", "low", "high")})
