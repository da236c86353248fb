"""The runs of ``apigauge report``, read and joined with their questions."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from apigauge.errors import ApigaugeError, RunError
from apigauge.harness.cli.output import progress, say, say_error, warn

if TYPE_CHECKING:
    from apigauge.benchmarks import Benchmark
    from apigauge.file_formats import Manifest, ScoreRow, Summary
    from apigauge.harness.cli.stored_items import Questions
    from apigauge.reports.build_cache import BuildCache
    from apigauge.reports.views import ItemView, RunView

# In bytes, what is read at once of a file that is digested.
_BLOCK = 1 << 20


def read_views(
    arguments: Sequence[Path], data_dir: Path | None, cache: "BuildCache", *, is_watched: bool = False
) -> "tuple[list[RunView], bool]":
    """The runs that the arguments name or hold, each once, and whether all that are named are among them.

    What is left out is named.

    Args:
        arguments: runs, and folders that hold runs.
        data_dir: as for ``load_benchmark``.
        cache: of the site's earlier builds.
        is_watched: whether runs that are being written are taken as far as they have come.

    Raises:
        RunError: an argument is no run and holds none, or none of those that it holds can be used.
    """
    from apigauge.reports.ordering import ordered

    benchmarks: dict[str, Questions] = {}
    views = []
    chosen, left_out = _choose(arguments)
    unusable: list[str] = []
    with progress("reading runs", len(chosen)) as tick:
        for path, is_named in chosen.items():
            try:
                views.append(view(path, data_dir, benchmarks, cache, is_watched=is_watched))
            except ApigaugeError as error:
                (unusable if is_named else left_out).append(str(error))
            tick()
    for text in left_out:
        (say if views else say_error)(f"{'apigauge: ' if views else ''}left out: {text}")
    for text in unusable:
        (warn if views else say_error)(f"left out: {text}")
    if not views:
        raise RunError(f"{', '.join(map(str, arguments))}: no run there can be reported; see above.")
    for one in views:
        if one.data_here:
            warn(f"{one.name}: {one.other_data}")
    return ordered(views), not unusable


def _choose(arguments: Sequence[Path]) -> tuple[dict[Path, bool], list[str]]:
    """The runs, with whether an argument names the run itself, and what is left out because it is no run."""
    from apigauge.harness.cli.find_runs import find_runs, is_run

    chosen: dict[Path, bool] = {}
    paths: dict[Path, Path] = {}
    left_out = []
    for argument in arguments:
        if not argument.is_dir():
            raise RunError(f"{argument}: there is no such folder; give a run, or a folder that holds runs.")
        others: list[Path] = []
        runs = find_runs(argument, others)
        if not runs:
            raise RunError(
                f"{argument} is no run directory and holds none; `apigauge runs DIR` lists what is in a folder."
            )
        left_out += [f"{other}: no run directory" for other in others]
        for path in runs:
            first = paths.setdefault(path.resolve(), path)
            chosen[first] = chosen.get(first, False) or is_run(argument)
    return chosen, left_out


def view(
    path: Path,
    data_dir: Path | None,
    benchmarks: "dict[str, Questions]",
    cache: "BuildCache | None" = None,
    *,
    is_watched: bool = False,
) -> "RunView":
    """A run as the report reads it; ``benchmarks`` keeps their questions between runs.

    Of a run that is in the cache, answers are read only when somebody looks at them.

    Raises:
        RunError: the folder is no run, or has not been scored, or is damaged.
        DataError: the run's benchmark is not here.
    """
    from apigauge.harness.cli.find_runs import is_locked
    from apigauge.harness.cli.stored_items import questions_of
    from apigauge.harness.evaluation import run_directory
    from apigauge.harness.evaluation.questions import reopen_for
    from apigauge.reports.build_cache import NO_CACHE
    from apigauge.reports.scored import LazyRows, Scored
    from apigauge.reports.views import RunView

    cache = cache or NO_CACHE
    manifest = run_directory.read_manifest(path)
    is_open = is_watched and not (path / run_directory.SUMMARY).exists() and is_locked(path)
    if not is_open and not (path / run_directory.SUMMARY).exists():
        raise RunError(f"{path}: has not been scored to its end; run `apigauge score {path}`.")
    record, name = manifest["benchmark"], name_of(manifest)
    benchmark = reopen_for(path, record, data_dir) if is_open or name not in benchmarks else None
    if name not in benchmarks and benchmark:
        benchmarks[name] = questions_of(benchmark)
    questions = benchmarks[name]
    inputs = _inputs(path, questions)
    try:
        summary = summary_so_far(benchmark, path) if is_open and benchmark else run_directory.read_summary(path)
        benchmark = None  # which may be large
        kept = cache.read("rows", inputs)
        rows: Sequence[ItemView] = [] if kept else _rows(path, questions, inputs)
        scored = Scored(kept) if kept else Scored.of(rows)
        is_same = record.get("digest") in (None, questions.digest)
        one = RunView(
            path.resolve().name,
            manifest,
            summary,
            LazyRows(lambda: rows or _rows(path, questions, inputs), len(scored)),
            benchmark_items=len(questions.items) if is_same else 0,
            data_here="" if is_same else questions.digest,
            lost=sum(name not in questions.items for name in set(scored.ids)),
            inputs=inputs,
            scored=scored,
            is_open=is_open,
        )
        if not kept:
            one.check()
            cache.write("rows", inputs, scored.to_json())
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{path}: is damaged ({error!r}); `apigauge score {path}` writes its scores again.") from error
    return one


def name_of(manifest: "Manifest") -> str:
    """What tells a run's benchmark from others: its name, where it was, and the digest of its data."""
    return " ".join(str(manifest["benchmark"].get(part, "")) for part in ("name", "path", "digest"))


def summary_so_far(benchmark: "Benchmark", run: Path) -> "Summary":
    """The summary of the answers that a run has until now."""
    from apigauge.harness.evaluation import run_directory
    from apigauge.harness.evaluation.summary import summary_of
    from apigauge.harness.evaluation.usage import Usage

    rows = cast("Iterator[ScoreRow]", run_directory.iterate_rows(run / run_directory.SCORES))
    return summary_of(benchmark, rows, run_directory.read_manifest(run), [], Usage())


def _inputs(path: Path, benchmark: "Questions") -> str:
    """A digest of all files that a run is read from, and of its questions."""
    import hashlib

    from apigauge.harness.evaluation import questions, run_directory

    digest = hashlib.sha256(f"{benchmark.digest} {len(benchmark.items)}".encode())
    names = (run_directory.MANIFEST, run_directory.SUMMARY, run_directory.GENERATIONS, run_directory.SCORES)
    for name in (*names, questions.FILE):
        is_there = (path / name).is_file()
        digest.update(f"\n{name} {(path / name).stat().st_size if is_there else 0}\n".encode())
        if is_there:
            with (path / name).open("rb") as file:
                while content := file.read(_BLOCK):
                    digest.update(content)
    return digest.hexdigest()


def _rows(path: Path, questions: "Questions", inputs: str) -> "Sequence[ItemView]":
    """A run's answers, joined with their questions.

    Raises:
        RunError: they are damaged, or not those of which ``inputs`` is the digest.
    """
    from apigauge.harness.cli.stored_answers import answers_of

    answers = answers_of(path, questions.items)
    if _inputs(path, questions) != inputs:
        raise RunError(f"{path}: was changed while it was read; try again.")
    return answers
