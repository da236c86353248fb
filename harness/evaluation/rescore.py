"""Scoring a run's stored answers anew: all metrics or only some, and which scores changed and why."""

from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from apigauge.benchmarks.types import Benchmark
from apigauge.errors import RunError
from apigauge.file_formats import Manifest, ReasoningRecord, ScoreRow, Summary
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.evaluate import stored
from apigauge.harness.evaluation.keys import Key
from apigauge.harness.evaluation.manifest import Difference, manifest, measured
from apigauge.harness.evaluation.scoring import Tick, score_answers
from apigauge.harness.evaluation.stored_rows import StoredRows
from apigauge.harness.evaluation.summary import is_scoring_problem, summarise
from apigauge.harness.evaluation.usage import usage_of
from apigauge.harness.executors.local import LocalExecutor
from apigauge.harness.executors.types import Executor
from apigauge.harness.extraction.reasoning_tags import Reasoning, check_mode, of_record
from apigauge.harness.metrics.executability import INFRA
from apigauge.harness.metrics.table import MODULES, NAMES, is_executed
from apigauge.sandboxes.verdict import Sandbox

# What the scores of all metrics depend on: scores with two values of one of these do not belong into one table.
_SHARED = ("benchmark.digest", "benchmark.loader", "extraction", "reasoning.mode")


@dataclass(frozen=True, slots=True)
class Change:
    """One score that a new scoring changed, and the manifest entries that can explain it."""

    item: str
    sample: int
    metric: str
    old: float | None
    new: float | None
    because: tuple[str, ...]


def score_run(
    benchmark: Benchmark,
    run: Path,
    modules: Sequence[str],
    workers: int | None = None,
    tick: Tick = lambda: None,
    sandbox: Sandbox | None = None,
    *,
    keep_others: bool = False,
    reasoning: str | None = None,
    executor: Executor | None = None,
) -> tuple[Summary, list[Change]]:
    """Scores a run's stored answers anew, and says which scores changed and why.

    Answers are not generated again; their programs are run again if there is a sandbox. The new scores replace the old
    ones atomically, once all are there.

    Args:
        benchmark: what the run answers.
        run: the run directory.
        modules: metrics, by module.
        workers: processes; all cores by default.
        tick: called after each answer scored.
        sandbox: where programs run; without one they do not.
        keep_others: whether the scores of other metrics, with their labels, messages, verdicts and versions, stay as
            they are. Without it the run has the scores of these modules only.
        reasoning: another ``--reasoning`` than the one that the run was scored with.
        executor: where answers are scored, if not by ``workers`` of this machine.

    Raises:
        RunError: the directory is no run, or is being written to; or scores that would stay were made from another
            extraction or other benchmark data than the new ones, or are of some of the answers only.
    """
    with run_directory.writing(run):
        old_manifest = run_directory.read_manifest(run)
        old = _rows(run / run_directory.SCORES)
        how = of_record(old_manifest.get("reasoning"), check_mode(reasoning) if reasoning else None)
        new_manifest = _new_manifest(benchmark, old_manifest, modules, sandbox, how)
        rescored = {name for module in measured(modules, sandbox, benchmark) for name in MODULES[module]}
        others = _names_of(old.values()) - rescored if keep_others else set()
        if others:
            _refuse_mixing(run, others, run_directory.differences(old_manifest, new_manifest))
            new_manifest = _with_kept_versions(old_manifest, new_manifest, sandbox)
        fresh = run / f".{run_directory.SCORES}.tmp"
        fresh.unlink(missing_ok=True)
        usage = usage_of(stored(run, benchmark))
        if others:
            _refuse_gaps(run, others, ((one.item, one.sample) for one in stored(run, benchmark)), old)
        where = executor or LocalExecutor(workers)
        score_answers(benchmark, stored(run, benchmark), usage.answers, fresh, modules, tick, sandbox, how, where)
        if others:
            _add_kept_scores(fresh, old, rescored)
        changes = compare_scores(old, _rows(fresh).values(), _differences(old_manifest, new_manifest))
        problems = _problems_of_answers(run)
        # Killed from here on, the run has no summary, and no version that its scores may not be of.
        (run / run_directory.SUMMARY).unlink(missing_ok=True)
        run_directory.write_json(run / run_directory.MANIFEST, _between(old_manifest, new_manifest))
        fresh.replace(run / run_directory.SCORES)
        run_directory.write_json(run / run_directory.MANIFEST, new_manifest)
        return summarise(benchmark, run, problems, usage), changes


def _rows(file: Path) -> Mapping[Key, ScoreRow]:
    return cast("Mapping[Key, ScoreRow]", StoredRows(file))


def compare_scores(
    old: Mapping[Key, ScoreRow], new: Iterable[ScoreRow], different: Sequence[Difference]
) -> list[Change]:
    """Every score that differs, with the manifest entries that explain it: its metric's version, or what all share."""
    causes = [(name, f"{name}: {a!r} -> {b!r}") for name, a, b in different]
    changes = []
    for row in new:
        old_row = old.get((row["item"], row["sample"]))
        old_metrics, old_labels = (old_row["metrics"], old_row["labels"]) if old_row else ({}, {})
        failed = INFRA in (*old_labels.values(), *row["labels"].values())
        for name in sorted({*old_metrics, *row["metrics"]}):
            was, now = old_metrics.get(name), row["metrics"].get(name)
            if was != now:
                why = [text for cause, text in causes if _explains(cause, name)]
                if failed and is_executed(name):
                    why.append("the sandbox itself failed once")
                changes.append(Change(row["item"], row["sample"], name, was, now, tuple(why)))
    return changes


def _explains(cause: str, metric: str) -> bool:
    kind, _, module = cause.partition(".")
    if kind == "metrics":
        return metric in MODULES.get(module, ())
    return kind not in ("sandbox", "execution") or is_executed(metric)


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[Difference]:
    """What differs between two manifests; if their sandboxes are of different kinds, only the kinds of those."""
    sandboxes = [manifest.get("sandbox") for manifest in (old, new)]
    kinds = [sandbox.get("kind") if isinstance(sandbox, dict) else sandbox for sandbox in sandboxes]
    if kinds[0] != kinds[1]:
        old, new = ({**manifest, "sandbox": kind} for manifest, kind in zip((old, new), kinds, strict=True))
    return run_directory.differences(old, new)


def _new_manifest(
    benchmark: Benchmark, old: Manifest, modules: Sequence[str], sandbox: Sandbox | None, reasoning: Reasoning
) -> Manifest:
    """The manifest of a run whose answers are now scored by these modules alone."""
    items = old["benchmark"].get("items", len(benchmark.items))
    new = manifest(
        benchmark,
        old.get("generator", {}),
        old.get("prompt_sha256", ""),
        modules,
        items,
        sandbox,
        cast("ReasoningRecord", reasoning.to_record()),
    )
    if "price" in old:
        new["price"] = old["price"]
    if "created" in old:
        new["created"] = old["created"]
    else:  # the run is older than this entry, and its date is unknown
        del new["created"]
    return new


def _between(old: Manifest, new: Manifest) -> Manifest:
    """The old manifest while scores are replaced: metrics that differ have a version that no other run has."""
    same_for_all = all(
        old.get(name) == new.get(name) for name in ("extraction", "execution", "reasoning", "benchmark", "sandbox")
    )
    before, after = old.get("metrics", {}), new["metrics"]
    versions = {
        module: before[module]
        if same_for_all and before.get(module) == after.get(module)
        else f"interrupted while its scores were replaced: {before.get(module)!r} by {after.get(module)!r}"
        for module in before | after
    }
    return cast("Manifest", {**old, "metrics": versions})


def _with_kept_versions(old: Manifest, new: Manifest, sandbox: Sandbox | None) -> Manifest:
    """The new manifest with the versions, and the sandbox, that scores of other metrics were made with."""
    versions = old.get("metrics", {}) | new["metrics"]
    order = [*MODULES, *sorted(versions.keys() - MODULES.keys())]
    new["metrics"] = {module: versions[module] for module in order if module in versions}
    if described := old.get("plugin_metrics", {}) | new.get("plugin_metrics", {}):
        new["plugin_metrics"] = described
    if not sandbox:
        new["sandbox"] = old.get("sandbox")
        if "execution" in old:
            new["execution"] = old["execution"]
    return new


def _names_of(rows: Iterable[ScoreRow]) -> set[str]:
    """The metrics that rows have a score or a label of; an answer that made a metric fail has a label only."""
    return {name for row in rows for name in (*row["metrics"], *row["labels"])}


def _refuse_mixing(run: Path, others: set[str], different: Sequence[Difference]) -> None:
    """Refuses to put new scores next to old ones that were made from something else.

    Raises:
        RunError: the old scores' extraction or benchmark data differ from today's.
    """
    what = "; ".join(f"{name} was {old!r} and is {new!r}" for name, old, new in different if name in _SHARED)
    if what:
        raise RunError(
            f"{run}: its scores of {', '.join(_in_order(others))} would stay, but they were made "
            f"differently ({what}). Score everything anew: `apigauge rerun {run}`."
        )


def _refuse_gaps(run: Path, others: set[str], answers: Iterable[Key], old: Container[Key]) -> None:
    """Refuses to add scores to a run that was stopped while it was scored.

    Its unscored answers would get rows without the scores that stay, and resuming skips answers that have a row: those
    metrics would be means over a part of the run for good.

    Raises:
        RunError: answers have no scores yet.
    """
    if missing := sum(key not in old for key in answers):
        raise RunError(
            f"{run}: {missing} of its answers have no scores yet, and those of {', '.join(_in_order(others))} would "
            f"stay incomplete. Resume the run first, or score all its answers: `apigauge score {run}`."
        )


def _add_kept_scores(file: Path, old: Mapping[Key, ScoreRow], rescored: set[str]) -> None:
    """Rewrites new rows of scores with the old ones' scores by metrics that were not scored anew."""
    rows = _rows(file)
    file.unlink()
    appender = run_directory.Appender(file)
    for key, row in rows.items():
        old_row = old.get(key)
        appender.append(_merged(old_row, row, rescored) if old_row else row)
    appender.close()


def _merged(old: ScoreRow, new: ScoreRow, rescored: set[str]) -> ScoreRow:
    """A new row with the old one's scores, labels and messages by metrics not scored anew, and its verdict."""

    def merge(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
        return _ordered({name: value for name, value in before.items() if name not in rescored} | dict(after))

    merged = {
        "metrics": merge(old["metrics"], new["metrics"]),
        "labels": merge(old["labels"], new["labels"]),
        "messages": merge(old.get("messages", {}), new.get("messages", {})),
        "verdict": (new if any(map(is_executed, rescored)) else old).get("verdict"),
    }
    return cast("ScoreRow", {**new, **merged})


def _ordered(entries: dict[str, Any]) -> dict[str, Any]:
    """Entries by metric in the order of the table of metrics, then metrics of plugins by name."""
    order = {name: number for number, name in enumerate(NAMES)}
    return dict(sorted(entries.items(), key=lambda entry: (order.get(entry[0], len(order)), entry[0])))


def _in_order(names: Iterable[str]) -> list[str]:
    """Names of metrics in that order."""
    return list(_ordered(dict.fromkeys(names)))


def _problems_of_answers(run: Path) -> list[str]:
    """The problems in a run's summary that its former scoring did not cause."""
    if not (run / run_directory.SUMMARY).exists():
        return []
    problems = run_directory.read_json(run / run_directory.SUMMARY).get("problems", [])
    return [problem for problem in problems if not is_scoring_problem(problem)]
