"""What a run's scores depend on: the manifest of a new run, and whether a run may resume or be extended."""

import hashlib
import platform
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version as installed
from pathlib import Path
from typing import Any, cast

from apigauge.benchmarks.types import Benchmark
from apigauge.errors import RunError
from apigauge.extensions import added
from apigauge.file_formats import (
    BenchmarkRecord,
    GeneratorRecord,
    Manifest,
    MetricRecord,
    PriceRecord,
    ReasoningRecord,
    SandboxRecord,
)
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.run_directory import GENERATIONS, MANIFEST, SCORES, SUMMARY
from apigauge.harness.extraction import syntax
from apigauge.harness.extraction.reasoning_tags import STRIP, record_of
from apigauge.harness.generation.types import Generator
from apigauge.harness.metrics import package_code, table
from apigauge.harness.metrics.registry import (
    EXECUTION_CODE,
    EXTRACTION_CODE,
    LOADER_CODE,
    applicable,
    code_digest,
    versions,
)
from apigauge.harness.metrics.table import EXECUTED, STATIC
from apigauge.sandboxes import public_names
from apigauge.sandboxes.verdict import Sandbox

Difference = tuple[str, Any, Any]
# What a generator learns of its server while it answers: not part of what a run begins with.
_LEARNED = ("left_out", "renamed", "parameters")
# A run without scores may be scored differently from what its answers were generated for.
_OF_SCORING = ("metrics.", "sandbox.", "reasoning.", "execution")


def manifest(
    benchmark: Benchmark,
    generator: GeneratorRecord,
    prompts: str,
    modules: Sequence[str],
    items: int,
    sandbox: Sandbox | None = None,
    reasoning: ReasoningRecord | None = None,
) -> Manifest:
    """What a run's scores depend on, and where and when it was made.

    Args:
        benchmark: which questions.
        generator: the generator's description of itself.
        prompts: the digest of the prompts of all the benchmark's items, whatever the limit.
        modules: metrics, by module.
        items: how many items the run answers.
        sandbox: where programs run, if they do.
        reasoning: how the reasoning is separated from the answers.
    """
    from apigauge import __version__

    record: Manifest = {
        "schema_version": run_directory.SCHEMA_VERSION,
        "apigauge_version": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "benchmark": _benchmark(benchmark, items),
        "prompt_sha256": prompts,
        "generator": _generator(generator),
        "extraction": extraction_version(),
        "reasoning": reasoning or {"mode": STRIP},
        "metrics": versions(measured(modules, sandbox, benchmark)),
        "libraries": {"numpy": installed("numpy")},
        "sandbox": cast("SandboxRecord", sandbox.describe()) if sandbox else None,
        "host": {"python": platform.python_version(), "platform": platform.platform()},
        "timings": {},
        "cache": {"hits": 0},
    }
    if sandbox:
        record["execution"] = f"code {code_digest(*EXECUTION_CODE)}"
    if described := table.to_record(record["metrics"]):
        record["plugin_metrics"] = cast("dict[str, MetricRecord]", described)
    return record


def _generator(described: GeneratorRecord) -> GeneratorRecord:
    """A generator's description; a plugin's backend with its package and a digest of that."""
    addition = added("backends").get(str(described.get("kind")))
    if addition is None or "package" in described:
        return described
    code = package_code.digest(addition.value.module, addition.package)
    return {**described, "package": addition.package, "package_code": code}


def _benchmark(benchmark: Benchmark, items: int) -> BenchmarkRecord:
    record: BenchmarkRecord = {
        "name": benchmark.name,
        "digest": benchmark.digest,
        "loader": loader_version(benchmark),
        "items": items,
    }
    if benchmark.version:
        record["version"] = benchmark.version
    if benchmark.licence:
        record["licence"] = benchmark.licence
    if benchmark.path:
        record["path"] = benchmark.path
    elif addition := added("benchmarks").get(benchmark.name):
        record["package"] = addition.package
    return record


def loader_version(benchmark: Benchmark) -> str:
    """A digest of the code that read a benchmark; of a plugin's function, behind it, one of the plugin's package."""
    digest, addition = code_digest(*LOADER_CODE), added("benchmarks").get(benchmark.name)
    if benchmark.path or addition is None or not callable(addition.value):
        return digest
    return f"{digest}, {package_code.digest(addition.value.__module__, addition.package)}"


def extraction_version() -> str:
    """What all extractions depend on: libraries, the tables of names, and a digest of the code."""
    parsers = f"{syntax.version()}, markdown-it-py {installed('markdown-it-py')}"
    return f"{parsers}, names {public_names.digest()}, code {code_digest(*EXTRACTION_CODE)}"


def planned(
    benchmark: Benchmark,
    generator: Generator,
    modules: Sequence[str],
    limit: int | None,
    sandbox: Sandbox | None,
    mode: str = STRIP,
) -> Manifest:
    """The manifest of a run that has not begun; ``mode`` is that of ``--reasoning``."""
    prompts = generator.prompts(benchmark, benchmark.items)
    described = cast("GeneratorRecord", generator.describe())
    # A generator whose model has a chat template here offers it.
    reasoning = record_of(mode, getattr(generator, "chat_template", ""), prompts)
    digest, items = sha256("\0".join(prompts)), len(benchmark.items[:limit])
    return manifest(benchmark, described, digest, modules, items, sandbox, cast("ReasoningRecord", reasoning))


def measured(modules: Sequence[str], sandbox: Sandbox | None, benchmark: Benchmark) -> list[str]:
    """The modules that yield numbers: the static ones among these, and the executed ones if there is a sandbox."""
    static = [name for name in applicable(modules, benchmark) if name in STATIC]
    return static + (list(EXECUTED) if sandbox else [])


def start(run: Path, new: Manifest, *, may_extend: bool = True) -> None:
    """Writes the manifest of a new run, or checks that an existing run can be resumed with this one.

    A run is extended if only the number of items differs and is higher now: the number in the manifest is raised
    atomically, and the missing items are answered next. A lower number is refused, since it would leave a run whose
    files hold more answers than its manifest says.

    Args:
        run: the run directory.
        new: the manifest of the run to be made.
        may_extend: whether a higher number of items extends the run. Chosen items are answered under a fixed number: a
            sequential test whose budget grew after its interim results would no longer keep its error rates.

    Raises:
        RunError: the directory holds a different run; names what differs.
    """
    if not any(file.exists() and file.stat().st_size for file in (run / GENERATIONS, run / SCORES)):
        run_directory.write_json(run / MANIFEST, new)  # no answers yet: nothing depends on an older manifest
        return
    if not (run / MANIFEST).exists():
        raise RunError(f"{run}: holds answers but no {MANIFEST}; choose another --out.")
    old = run_directory.read_manifest(run)
    before, after = old["benchmark"].get("items"), new["benchmark"].get("items")
    is_extended = may_extend and before is not None and after is not None and after > before
    different = [
        entry
        for entry in run_directory.differences(_planned_part(old), _planned_part(new))
        if not (is_extended and entry[0] == "benchmark.items")
    ]
    unscored = not (run / SCORES).exists() or not (run / SCORES).stat().st_size
    if different and not (unscored and all(name.startswith(_OF_SCORING) for name, _, _ in different)):
        raise RunError(_refusal(run, different))
    if different:  # answers of `apigauge generate`, to be scored now
        run_directory.write_json(run / MANIFEST, new)
    elif is_extended:
        # Until the missing items are scored, the run has no summary: the old one would show it as complete.
        (run / SUMMARY).unlink(missing_ok=True)
        extended = {**old, "benchmark": old["benchmark"] | new["benchmark"]}
        run_directory.write_json(run / MANIFEST, extended)


def _planned_part(record: Manifest) -> Manifest:
    """A manifest without what its generator learned while it answered."""
    generator = {name: value for name, value in record.get("generator", {}).items() if name not in _LEARNED}
    return {**record, "generator": cast("GeneratorRecord", generator)}


def _refusal(run: Path, different: Sequence[Difference]) -> str:
    """Why a run cannot be resumed, and what to do."""
    if [name for name, _, _ in different] == ["benchmark.items"]:
        _, old, new = different[0]
        if old is None or new > old:
            return f"{run}: holds a run of {old} items, and this one is of {new}. Choose another folder."
        return (
            f"{run}: holds a run of {old} items, and {new} is fewer (benchmark.items was {old} and is {new}). "
            f"Give --limit {old} or more to resume or extend it, or choose another --out."
        )
    what = "; ".join(f"{name} was {old!r} and is {new!r}" for name, old, new in different)
    return f"{run}: holds another run ({what}). Choose another --out, or `apigauge rerun {run}` to re-score."


def note(run: Path, seconds: float, hits: int, generator: Mapping[str, Any], price: PriceRecord | None = None) -> None:
    """Adds to the manifest what this part of a run took, which may have been resumed, and what it learned.

    Args:
        run: the run directory.
        seconds: what the part took.
        hits: its answers from the cache.
        generator: the generator's description of itself after it answered.
        price: of the model's tokens, if the user gave one; it takes the place of an earlier one, but for the price of
            batches that it lacks.
    """
    record = run_directory.read_manifest(run)
    learned = {name: generator[name] for name in _LEARNED if name in generator}
    if learned:
        record["generator"] = cast("GeneratorRecord", {**record.get("generator", {}), **learned})
    if price:
        batches = {name: value for name, value in record.get("price", {}).items() if name.startswith("batch_")}
        record["price"] = cast("PriceRecord", {**batches, **price})
    record["cache"] = {"hits": record.get("cache", {}).get("hits", 0) + hits}
    record["timings"] = {"seconds": round(record.get("timings", {}).get("seconds", 0.0) + seconds, 3)}
    run_directory.write_json(run / MANIFEST, record)


def sha256(text: str) -> str:
    """The digest of a text; half a surrogate pair, as a file may hold it, counts as it is."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
