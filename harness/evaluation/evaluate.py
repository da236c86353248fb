"""A run from end to end: items, completions, scores, summary."""

import contextlib
import hashlib
import platform
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any

from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import RunError
from apigauge.harness.evaluation import ceilings, run_directory
from apigauge.harness.evaluation.execution import executed
from apigauge.harness.evaluation.scoring import ScorerFactory
from apigauge.harness.executors.local import ordered
from apigauge.harness.executors.prefetch import Pending, prefetch
from apigauge.harness.extraction import syntax
from apigauge.harness.generation.types import Completion, Generator
from apigauge.harness.metrics.executability import INFRA, MAX_INFRA_ERROR_RATE, infra_errors, is_withheld
from apigauge.harness.metrics.registry import EXTRACTION_CODE, code_digest, versions
from apigauge.harness.metrics.table import EXECUTED, MODULES, NAMES, STATIC, TOP, is_executed
from apigauge.harness.metrics.types import SCORER_ERROR
from apigauge.harness.statistics.intervals import estimate
from apigauge.sandboxes.verdict import Sandbox

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


def manifest(
    benchmark: Benchmark,
    generator: dict[str, Any],
    prompts: str,
    modules: Sequence[str],
    items: int,
    sandbox: Sandbox | None = None,
) -> dict[str, Any]:
    """What a run's scores depend on, and where it was made; ``prompts`` is the digest of all prompts."""
    from apigauge import __version__

    return {
        "schema_version": run_directory.SCHEMA_VERSION,
        "apigauge_version": __version__,
        "benchmark": {"name": benchmark.name, "digest": benchmark.digest, "items": items},
        "prompt_sha256": prompts,
        "generator": generator,
        "extraction": f"{syntax.version()}, code {code_digest(*EXTRACTION_CODE)}",
        "metrics": versions(measured(modules, sandbox)),
        "libraries": {"numpy": installed("numpy")},
        "sandbox": sandbox.describe() if sandbox else None,
        "host": {"python": platform.python_version(), "platform": platform.platform()},
        "timings": {},
        "cache": {"hits": 0},
    }


def measured(modules: Sequence[str], sandbox: Sandbox | None) -> list[str]:
    """The modules that give numbers: the static ones asked for, and the executed ones if there is a sandbox."""
    return [name for name in modules if name in STATIC] + (list(EXECUTED) if sandbox else [])


def evaluate(
    benchmark: Benchmark,
    generator: Generator,
    run: Path,
    modules: Sequence[str],
    limit: int | None = None,
    workers: int | None = None,
    tick: Tick = lambda: None,
    sandbox: Sandbox | None = None,
    only: Sequence[Item] | None = None,
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
        sandbox: where the answers' programs run; without one they do not, and ``exec.*`` is not measured.
        only: the items to answer now, at most as many as the limit says; the run is resumed for others.

    Returns:
        The summary, as in ``summary.json``.

    Raises:
        RunError: the directory holds another run, is being written to, or cannot be written.
    """
    items = benchmark.items[:limit] if only is None else only
    started = time.perf_counter()
    with run_directory.writing(run):
        run_directory.start(run, planned(benchmark, generator, modules, limit, sandbox))
        total = len(items) * generator.samples
        # Answers are made in a thread of their own, so that scoring and sandbox have what is there while more is made.
        with contextlib.closing(prefetch(_generate(benchmark, generator, run, items), total + 1)) as answers:
            _score(benchmark, run, answers, total, modules, workers, tick, sandbox)
        _note(run, time.perf_counter() - started, generator.hits)
        return summarise(benchmark, run, generator.problems)


def planned(
    benchmark: Benchmark, generator: Generator, modules: Sequence[str], limit: int | None, sandbox: Sandbox | None
) -> dict[str, Any]:
    """The manifest of a run that has not begun."""
    prompts, items = _prompts_digest(benchmark, generator), len(benchmark.items[:limit])
    return manifest(benchmark, generator.describe(), prompts, modules, items, sandbox)


def generate(
    benchmark: Benchmark,
    generator: Generator,
    run: Path,
    limit: int | None = None,
    tick: Tick = lambda: None,
    only: Sequence[Item] | None = None,
) -> int:
    """Answers a benchmark without scoring; returns how many answers the run now holds.

    Args and errors are those of :func:`evaluate`.
    """
    items = benchmark.items[:limit] if only is None else only
    started = time.perf_counter()
    with run_directory.writing(run):
        run_directory.start(run, planned(benchmark, generator, [], limit, None))
        count = 0
        for _ in _generate(benchmark, generator, run, items):
            count += 1
            tick()
        _note(run, time.perf_counter() - started, generator.hits)
        return count


def score_run(
    benchmark: Benchmark,
    run: Path,
    modules: Sequence[str],
    workers: int | None = None,
    tick: Tick = lambda: None,
    sandbox: Sandbox | None = None,
) -> tuple[dict[str, Any], list[Change]]:
    """Scores a run's stored answers anew, replaces its scores, and says what changed and why.

    Answers are not made again; their programs are run again if there is a sandbox. The new scores take the old ones'
    place in one step, once all are there.

    Raises:
        RunError: the directory is no run, or is being written to.
    """
    with run_directory.writing(run):
        old_manifest, old_rows = (
            run_directory.read_json(run / run_directory.MANIFEST),
            run_directory.read_rows(run / run_directory.SCORES),
        )
        generator = old_manifest.get("generator", {})
        prompts, total = old_manifest.get("prompt_sha256", ""), len(benchmark.items)
        new_manifest = manifest(benchmark, generator, prompts, modules, total, sandbox)
        new_manifest["benchmark"]["items"] = old_manifest.get("benchmark", {}).get("items", len(benchmark.items))
        fresh = run / f".{run_directory.SCORES}.tmp"
        fresh.unlink(missing_ok=True)
        answers = list(stored(run, benchmark))
        _score(benchmark, run, answers, len(answers), modules, workers, tick, sandbox, file=fresh.name)
        changes = compare_scores(old_rows, run_directory.read_rows(fresh), _differences(old_manifest, new_manifest))
        fresh.replace(run / run_directory.SCORES)
        run_directory.write_json(run / run_directory.MANIFEST, new_manifest)
        old_summary = (
            run_directory.read_json(run / run_directory.SUMMARY) if (run / run_directory.SUMMARY).exists() else {}
        )
        outlived = scoring_problems(old_rows)
        problems = [problem for problem in old_summary.get("problems", []) if problem not in outlived]
        return summarise(benchmark, run, problems), changes


def compare_scores(
    old: Iterable[dict[str, Any]], new: Iterable[dict[str, Any]], different: Sequence[tuple[str, Any, Any]]
) -> list[Change]:
    """Every score that differs, with the manifest entries that explain it: its metric's version, or what all share."""
    before = {(row["item"], row["sample"]): row for row in old}
    causes = [(name, f"{name}: {a!r} -> {b!r}") for name, a, b in different]
    changes = []
    for row in new:
        old_row = before.get((row["item"], row["sample"]), {"metrics": {}, "labels": {}})
        failed = INFRA in (*old_row["labels"].values(), *row["labels"].values())
        for name in sorted({*old_row["metrics"], *row["metrics"]}):
            was, now = old_row["metrics"].get(name), row["metrics"].get(name)
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
    return kind != "sandbox" or is_executed(metric)


def _differences(old: dict[str, Any], new: dict[str, Any]) -> list[tuple[str, Any, Any]]:
    """What differs between two manifests; of sandboxes of two kinds, or none, that alone."""
    sandboxes = [made.get("sandbox") for made in (old, new)]
    kinds = [sandbox.get("kind") if isinstance(sandbox, dict) else sandbox for sandbox in sandboxes]
    if kinds[0] != kinds[1]:
        old, new = ({**made, "sandbox": kind} for made, kind in zip((old, new), kinds, strict=True))
    return run_directory.differences(old, new)


def stored(run: Path, benchmark: Benchmark) -> Iterator[Completion]:
    """A run's answers.

    Raises:
        RunError: an answer belongs to no item of the benchmark.
    """
    known = {item.id for item in benchmark.items}
    for row in run_directory.read_rows(run / run_directory.GENERATIONS):
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
    rows = run_directory.read_rows(run / run_directory.SCORES)
    apis = {item.id: item.api for item in benchmark.items}
    failed, ran = infra_errors(rows)
    scored = [name for name in NAMES if any(name in row["metrics"] for row in rows)]
    withheld = [name for name in NAMES if is_executed(name)] if is_withheld(failed, ran) else []
    made = run_directory.read_json(run / run_directory.MANIFEST)
    labels: dict[str, dict[str, int]] = {}
    for metric in sorted({metric for row in rows for metric in row["labels"]}):
        counts = Counter(row["labels"][metric] for row in rows if metric in row["labels"])
        labels[metric] = dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))
    summary = {
        "schema_version": run_directory.SCHEMA_VERSION,
        "items": len({row["item"] for row in rows}),
        "expected": made["benchmark"]["items"],
        "metrics": {name: _estimate(rows, name, apis) for name in scored if name not in withheld},
        "labels": labels,
        "infra_error_rate": failed / ran if ran else None,
        "withheld": withheld,
        "ceilings": {} if withheld else ceilings.load(benchmark, made.get("sandbox"), {row["item"] for row in rows}),
        "problems": [*problems, *scoring_problems(rows)],
    }
    run_directory.write_json(run / run_directory.SUMMARY, summary)
    return summary


def scoring_problems(rows: Sequence[dict[str, Any]]) -> list[str]:
    """What went wrong in scoring and not in the answers; told anew by every scoring."""
    problems = []
    if unscored := sum(SCORER_ERROR in row["labels"].values() for row in rows):
        problems.append(f"{unscored} answers made a metric fail; they are labelled {SCORER_ERROR} and left out of it")
    failed, ran = infra_errors(rows)
    if is_withheld(failed, ran):
        problems.append(
            f"{failed} of {ran} programs could not be run through the sandbox's own trouble, more than "
            f"{MAX_INFRA_ERROR_RATE:.0%}: exec.* is withheld. `apigauge sandbox doctor` says what is wrong; "
            "then `apigauge rerun` the run."
        )
    return problems


def _estimate(rows: Sequence[dict[str, Any]], name: str, apis: dict[str, str]) -> dict[str, Any]:
    """The mean with its interval; an interval is made from shares, so a rung is one until it is written down."""
    top = TOP.get(name, 1.0)
    pairs = [(row["metrics"][name] / top, apis[row["item"]]) for row in rows if name in row["metrics"]]
    entry = estimate([value for value, _ in pairs], [api for _, api in pairs]).to_json()
    return entry | {key: entry[key] * top for key in ("value", "low", "high")}


def _generate(benchmark: Benchmark, generator: Generator, run: Path, items: Sequence[Item]) -> Iterator[Completion]:
    """The answers a run holds already, then the missing ones as they are made and written."""
    file = run_directory.Appender(run / run_directory.GENERATIONS)
    try:
        held = list(stored(run, benchmark))
        yield from held
        done = {(completion.item, completion.sample) for completion in held}
        prompts = {item.id: _sha256(benchmark.prompt(item)) for item in items}
        # A replayed file is read again on resume, so that its problems are told every time.
        for completion in generator.generate(benchmark, items, done):
            row = asdict(completion)
            file.append(row | {"prompt_sha256": completion.prompt_sha256 or prompts[completion.item]})
            yield completion
    finally:
        file.close()


def _score(
    benchmark: Benchmark,
    run: Path,
    answers: Iterable[Completion | Pending],
    expected: int,
    modules: Sequence[str],
    workers: int | None,
    tick: Tick,
    sandbox: Sandbox | None,
    file: str = run_directory.SCORES,
) -> None:
    scores = run_directory.Appender(run / file)
    try:
        waiting = (one for one in answers if isinstance(one, Pending) or (one.item, one.sample) not in scores.keys)
        with contextlib.ExitStack() as stack:
            rows = ordered(ScorerFactory(benchmark, tuple(modules)), waiting, expected - len(scores.keys), workers)
            if sandbox:
                # Left early, it must end what runs now: a traceback would keep it, and the programs with it.
                rows = stack.enter_context(contextlib.closing(executed(rows, sandbox)))
            for row in rows:
                if not isinstance(row, Pending):
                    scores.append(row)
                    tick()
    finally:
        scores.close()


def _prompts_digest(benchmark: Benchmark, generator: Generator) -> str:
    return _sha256("\0".join(generator.prompts(benchmark, benchmark.items)))


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _note(run: Path, seconds: float, hits: int) -> None:
    """Adds to the manifest's time and hits of the cache what this part of a run, perhaps resumed, had of them."""
    kept = run_directory.read_json(run / run_directory.MANIFEST)
    kept["cache"] = {"hits": kept.get("cache", {}).get("hits", 0) + hits}
    kept["timings"] = {"seconds": round(kept.get("timings", {}).get("seconds", 0.0) + seconds, 3)}
    run_directory.write_json(run / run_directory.MANIFEST, kept)
