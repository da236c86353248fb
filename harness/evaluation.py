"""A run from end to end: items, completions, scores, summary."""

import hashlib
import platform
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import RunError
from apigauge.harness import runs
from apigauge.harness.executors.local import ordered
from apigauge.harness.generation import Completion, Generator
from apigauge.harness.metrics import NAMES, SCORER_ERROR, code_digest, versions
from apigauge.harness.scoring import ScorerFactory
from apigauge.harness.statistics import estimate

Tick = Callable[[], None]


@dataclass(frozen=True, slots=True)
class Change:
    """One score that a new scoring changed, and the manifest entries that can explain it."""

    item: str
    sample: int
    metric: str
    old: float | None
    new: float | None
    because: tuple[str, ...]


def manifest(benchmark: Benchmark, generator: dict[str, Any], modules: Sequence[str], items: int) -> dict[str, Any]:
    """What a run's scores depend on, and where it was made."""
    from apigauge import __version__

    prompts = hashlib.sha256("\0".join(benchmark.prompt(item) for item in benchmark.items).encode())
    return {
        "schema_version": runs.SCHEMA_VERSION,
        "apigauge_version": __version__,
        "benchmark": {"name": benchmark.name, "digest": benchmark.digest, "items": items},
        "prompt_sha256": prompts.hexdigest(),
        "generator": generator,
        "extraction": f"code {code_digest('extraction.py', 'source.py')}",
        "metrics": versions(modules),
        "libraries": {"python": f"{sys.version_info.major}.{sys.version_info.minor}"}
        | {name: installed(name) for name in ("tree-sitter", "numpy", "scipy")},
        "sandbox": None,
        "host": {"python": platform.python_version(), "platform": platform.platform()},
        "timings": {},
        "cache": {"hits": 0},
    }


def evaluate(
    benchmark: Benchmark,
    generator: Generator,
    run: Path,
    modules: Sequence[str],
    limit: int | None = None,
    workers: int | None = None,
    tick: Tick = lambda: None,
) -> dict[str, Any]:
    """Answers and scores a benchmark into a run directory, or goes on where a killed run stopped.

    Args:
        benchmark: what is asked.
        generator: who answers.
        run: the directory; made if it is not there.
        modules: metrics, by module.
        limit: only the first so many items.
        workers: processes for scoring; all cores by default.
        tick: called after each answer scored.

    Returns:
        The summary, as in ``summary.json``.

    Raises:
        RunError: the directory holds another run, is being written to, or cannot be written.
    """
    items = benchmark.items[:limit]
    started = time.perf_counter()
    with runs.writing(run):
        runs.start(run, manifest(benchmark, generator.describe(), modules, len(items)))
        answers = _generate(benchmark, generator, run, items)
        _score(benchmark, run, answers, modules, workers, tick)
        _note_time(run, time.perf_counter() - started)
        return summarise(benchmark, run, generator.problems)


def generate(
    benchmark: Benchmark, generator: Generator, run: Path, limit: int | None = None, tick: Tick = lambda: None
) -> int:
    """Answers a benchmark without scoring; returns how many answers the run now holds.

    Raises:
        RunError: as for :func:`evaluate`.
    """
    items = benchmark.items[:limit]
    with runs.writing(run):
        runs.start(run, manifest(benchmark, generator.describe(), [], len(items)))
        count = 0
        for _ in _generate(benchmark, generator, run, items):
            count += 1
            tick()
        return count


def score_run(
    benchmark: Benchmark, run: Path, modules: Sequence[str], workers: int | None = None, tick: Tick = lambda: None
) -> tuple[dict[str, Any], list[Change]]:
    """Scores a run's stored answers anew, replaces its scores, and says what changed and why.

    Answers are not made again. The new scores take the old ones' place in one step, once all are there.

    Raises:
        RunError: the directory is no run, or is being written to.
    """
    with runs.writing(run):
        old_manifest, old_rows = runs.read_json(run / runs.MANIFEST), runs.read_rows(run / runs.SCORES)
        new_manifest = manifest(benchmark, old_manifest.get("generator", {}), modules, len(benchmark.items))
        new_manifest["benchmark"]["items"] = old_manifest.get("benchmark", {}).get("items", len(benchmark.items))
        fresh = run / f".{runs.SCORES}.tmp"
        fresh.unlink(missing_ok=True)
        _score(benchmark, run, stored(run, benchmark), modules, workers, tick, file=fresh.name)
        changes = compare_scores(old_rows, runs.read_rows(fresh), runs.differences(old_manifest, new_manifest))
        fresh.replace(run / runs.SCORES)
        runs.write_json(run / runs.MANIFEST, new_manifest)
        old_summary = runs.read_json(run / runs.SUMMARY) if (run / runs.SUMMARY).exists() else {}
        return summarise(benchmark, run, old_summary.get("problems", [])), changes


def compare_scores(
    old: Iterable[dict[str, Any]], new: Iterable[dict[str, Any]], different: Sequence[tuple[str, Any, Any]]
) -> list[Change]:
    """Every score that differs, with the manifest entries that explain it: its metric's version, or what all share."""
    before = {(row["item"], row["sample"]): row["metrics"] for row in old}
    causes = [(name, f"{name}: {a!r} -> {b!r}") for name, a, b in different]
    changes = []
    for row in new:
        old_metrics = before.get((row["item"], row["sample"]), {})
        for name in sorted({*old_metrics, *row["metrics"]}):
            was, now = old_metrics.get(name), row["metrics"].get(name)
            if was != now:
                why = [text for cause, text in causes if not cause.startswith("metrics.") or _explains(cause, name)]
                changes.append(Change(row["item"], row["sample"], name, was, now, tuple(why)))
    return changes


def _explains(cause: str, metric: str) -> bool:
    from apigauge.harness.metrics import MODULES

    return metric in MODULES.get(cause.removeprefix("metrics."), ())


def stored(run: Path, benchmark: Benchmark) -> Iterator[Completion]:
    """A run's answers.

    Raises:
        RunError: an answer belongs to no item of the benchmark.
    """
    known = {item.id for item in benchmark.items}
    for row in runs.read_rows(run / runs.GENERATIONS):
        if row["item"] not in known:
            raise RunError(f"{run}: item {row['item']!r} is not in {benchmark.name}; was its data replaced?")
        yield Completion(
            row["item"],
            row["sample"],
            row["text"],
            row.get("finish_reason", "stop"),
            row.get("prompt_tokens"),
            row.get("completion_tokens"),
        )


def summarise(benchmark: Benchmark, run: Path, problems: Sequence[str]) -> dict[str, Any]:
    """Aggregates a run's scores into ``summary.json`` and returns it."""
    rows = runs.read_rows(run / runs.SCORES)
    apis = {item.id: item.api for item in benchmark.items}
    scored = [name for name in NAMES if any(name in row["metrics"] for row in rows)]
    labels: dict[str, dict[str, int]] = {}
    for metric in sorted({metric for row in rows for metric in row["labels"]}):
        counts = Counter(row["labels"][metric] for row in rows if metric in row["labels"])
        labels[metric] = dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))
    failed = sum(SCORER_ERROR in row["labels"].values() for row in rows)
    if failed:
        problems = [
            *problems,
            f"{failed} answers made a metric fail; they are labelled {SCORER_ERROR} and left out of it",
        ]
    summary = {
        "schema_version": runs.SCHEMA_VERSION,
        "items": len({row["item"] for row in rows}),
        "expected": runs.read_json(run / runs.MANIFEST)["benchmark"]["items"],
        "metrics": {name: _estimate(rows, name, apis) for name in scored},
        "labels": labels,
        "infra_error_rate": None,
        "problems": list(problems),
    }
    runs.write_json(run / runs.SUMMARY, summary)
    return summary


def _estimate(rows: Sequence[dict[str, Any]], name: str, apis: dict[str, str]) -> dict[str, Any]:
    pairs = [(row["metrics"][name], apis[row["item"]]) for row in rows if name in row["metrics"]]
    return estimate([value for value, _ in pairs], [api for _, api in pairs]).to_json()


def _generate(benchmark: Benchmark, generator: Generator, run: Path, items: Sequence[Item]) -> Iterator[Completion]:
    """The answers a run holds already, then the missing ones as they are made and written."""
    file = runs.Appender(run / runs.GENERATIONS)
    try:
        held = list(stored(run, benchmark))
        yield from held
        done = {(completion.item, completion.sample) for completion in held}
        prompts = {item.id: hashlib.sha256(benchmark.prompt(item).encode()).hexdigest() for item in items}
        # A replayed file is read again on resume, so that its problems are told every time.
        for completion in generator.generate(benchmark, items, done):
            file.append({"prompt_sha256": prompts[completion.item], **asdict(completion)})
            yield completion
    finally:
        file.close()


def _score(
    benchmark: Benchmark,
    run: Path,
    answers: Iterable[Completion],
    modules: Sequence[str],
    workers: int | None,
    tick: Tick,
    file: str = runs.SCORES,
) -> None:
    scores = runs.Appender(run / file)
    try:
        waiting = (answer for answer in answers if (answer.item, answer.sample) not in scores.keys)
        for row in ordered(ScorerFactory(benchmark, tuple(modules)), waiting, workers):
            scores.append(row)
            tick()
    finally:
        scores.close()


def _note_time(run: Path, seconds: float) -> None:
    kept = runs.read_json(run / runs.MANIFEST)
    kept["timings"] = {"seconds": round(kept.get("timings", {}).get("seconds", 0.0) + seconds, 3)}
    runs.write_json(run / runs.MANIFEST, kept)
