"""What Python programs and notebooks use: each function is a few lines over what the command line calls.

>>> import apigauge
>>> mini = apigauge.load_benchmark("mini")
>>> item = mini.items[0]
>>> apigauge.score_answer(item.reference_program, item).metrics["ast.exact"]
1.0
"""

import json
import logging
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, get_args

from apigauge.benchmarks import load_benchmark as _load_benchmark
from apigauge.benchmarks.types import Benchmark, Item
from apigauge.errors import UsageError
from apigauge.file_formats import ScoreRow
from apigauge.harness.evaluation import remote
from apigauge.harness.evaluation.addresses import journal, local
from apigauge.harness.evaluation.sandbox_choice import Kind, SandboxOptions, sandbox_for
from apigauge.harness.executors import choose
from apigauge.results import AnswerScore, Decision, Run

if TYPE_CHECKING:
    from apigauge.harness.cli.stored_items import Questions
    from apigauge.harness.comparison.compare import Comparison
    from apigauge.harness.executors.types import Executor
    from apigauge.harness.generation.options import ModelOptions
    from apigauge.harness.generation.types import Completion, Generator


Answers: TypeAlias = "str | os.PathLike[str] | Mapping[str, str] | Iterable[Mapping[str, Any]]"
PathOrRun: TypeAlias = "str | os.PathLike[str] | Run"

_log = logging.getLogger("apigauge")


_benchmarks: dict[tuple[str, str, str], Benchmark] = {}
_scorers: dict[tuple[int, str], "_Scorer"] = {}


def load_benchmark(name: str, data_dir: str | os.PathLike[str] | None = None) -> Benchmark:
    """Reads a benchmark; the second time it is the same object, unless files of your own have changed.

    Args:
        name: such as ``mini`` or ``apibench-torchhub``; or the path of a folder or an archive of your own.
        data_dir: where its files are; by default ``$APIGAUGE_DATA``, then the user's cache folder.

    Raises:
        UsageError: no benchmark has that name.
        DataError: its files are missing or damaged; the message says which and where they were looked for.
    """
    key = (name, str(data_dir or ""), os.environ.get("APIGAUGE_DATA", ""))
    kept = _benchmarks.get(key)
    if kept is None or kept.path:
        read = _load_benchmark(name, Path(data_dir) if data_dir is not None else None)
        if kept != read:
            _benchmarks[key] = read
    return _benchmarks[key]


def run(
    benchmark: str | Benchmark,
    model: "str | Generator",
    *,
    out: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    metrics: Sequence[str] | None = None,
    options: "ModelOptions | None" = None,
    sandbox: Kind | SandboxOptions = "none",
    workers: int | None = 1,
    reasoning: str = "strip",
    executor: choose.Name = "local",
    ray_address: str | None = None,
    engines: int | None = None,
) -> Run:
    """Answers a benchmark and scores the answers, as ``apigauge run`` does; called again it resumes.

    Args:
        benchmark: its name, or a benchmark.
        model: as for ``--model``: ``hf:gpt2``, ``retrieval:bm25``, ...; or a generator.
        out: the run's folder, or an address such as ``s3://bucket/mine``; ``runs/BENCHMARK-MODEL`` by default.
        limit: only the first so many items.
        metrics: only these; all by default.
        options: sampling, prompting and the like, for models.
        sandbox: where programs run (``auto``, ``docker``, ``process``); nowhere by default: ``exec.*`` is not measured.
            Without isolation only with ``SandboxOptions("process", accepts_no_isolation=True)``.
        workers: processes for scoring; None means all cores. With more than one, the calling script needs the usual
            ``if __name__ == "__main__":``.
        reasoning: what a model writes before it answers: ``strip`` leaves it out, by the tags of the checkpoint's chat
            template or by all that are in use; ``keep`` scores the whole text; or own tags, as ``<plan>,</plan>``.
        executor: where answers are scored and programs run: ``local``, or ``ray`` for all nodes of a Ray cluster, which
            needs ``workers=None`` to use all cores.
        ray_address: HOST:PORT of its head, of whose cluster this machine must be a node; by default ``$RAY_ADDRESS``,
            and without that Ray is started on this machine for the length of the call.
        engines: how many engines load an ``hf:`` or ``vllm:`` model on that cluster; by default as many as its GPUs
            hold. Without GPUs the model answers on this machine.

    Raises:
        ApigaugeError: see :mod:`apigauge.errors`; the message says what to do.
    """
    from apigauge.harness.cli.options import run_name
    from apigauge.harness.executors.engines import open_model

    _check_counts(limit=limit, workers=workers, engines=engines)
    loaded = load_benchmark(benchmark) if isinstance(benchmark, str) else benchmark
    with choose.opened(executor, ray_address, workers) as place:
        generator = open_model(place, model, options, engines, _log.warning) if isinstance(model, str) else model
        folder = journal(out) if out is not None else Path("runs") / run_name(loaded.name, generator.describe()["spec"])
        return _evaluated(loaded, generator, Run(folder), limit, metrics, sandbox, workers, reasoning, place)


def score(
    answers: "Answers",
    benchmark: str | Benchmark,
    *,
    out: str | os.PathLike[str] | None = None,
    limit: int | None = None,
    metrics: Sequence[str] | None = None,
    sandbox: Kind | SandboxOptions = "none",
    workers: int | None = 1,
    reasoning: str = "strip",
    executor: choose.Name = "local",
    ray_address: str | None = None,
) -> Run:
    """Scores answers that exist, as ``apigauge score`` does.

    Args:
        answers: the path of a file of JSON lines; texts by item; or mappings with ``item``, ``text`` and perhaps
            ``sample`` and ``finish_reason``.
        benchmark: what they answer: its name, or a benchmark.
        out: the run's folder or address; by default a temporary one that lasts as long as the returned object.
        limit: only the first so many items.
        metrics: only these; all by default.
        sandbox: where programs run; nowhere by default.
        workers: processes for scoring, as for :func:`run`.
        reasoning: as for :func:`run`; no chat template is read.
        executor: as for :func:`run`.
        ray_address: as for :func:`run`.

    Raises:
        ApigaugeError: see :mod:`apigauge.errors`; the message says what to do.
    """
    from apigauge.harness.generation.replay import Replay

    loaded = load_benchmark(benchmark) if isinstance(benchmark, str) else benchmark
    target = Run(Path(tempfile.mkdtemp(prefix="apigauge-")) if out is None else journal(out))
    if out is None:
        weakref.finalize(target, shutil.rmtree, target.path, ignore_errors=True)
    _check_counts(limit=limit, workers=workers)
    if isinstance(answers, (str, os.PathLike)):
        with choose.opened(executor, ray_address, workers) as place:
            replay = Replay(os.fspath(answers))
            return _evaluated(loaded, replay, target, limit, metrics, sandbox, workers, reasoning, place)
    with tempfile.TemporaryDirectory(prefix="apigauge-") as folder:
        file = Path(folder) / "answers.jsonl"
        rows = (
            [{"item": item, "text": text} for item, text in answers.items()]
            if isinstance(answers, Mapping)
            else answers
        )
        file.write_text("".join(json.dumps(dict(row)) + "\n" for row in rows), encoding="utf-8")
        with choose.opened(executor, ray_address, workers) as place:
            return _evaluated(loaded, Replay(str(file)), target, limit, metrics, sandbox, workers, reasoning, place)


def score_answer(
    text: str,
    item: Item | str,
    *,
    benchmark: str | Benchmark | None = None,
    reasoning: str = "strip",
    finish_reason: str = "stop",
) -> AnswerScore:
    """Scores one answer with every static metric; programs are not run.

    The first answer to a benchmark takes a moment longer, which prepares its metrics; later ones take milliseconds.

    Args:
        text: the answer.
        item: the question that it answers, or its id.
        benchmark: whose question it is; may be left out for an item of a benchmark that :func:`load_benchmark` gave.
        reasoning: as for :func:`run`; no chat template is read.
        finish_reason: why the answer ends; ``length`` if its tokens ran out.

    Raises:
        UsageError: the benchmark has no such item, or is not known; or ``reasoning`` is none of the above.
    """
    from apigauge.harness.generation.types import Completion

    if not isinstance(text, str) or not isinstance(item, str | Item):
        given = f"{type(text).__name__} and {type(item).__name__}"
        raise UsageError(f"score_answer: give a text and an item or its id, not {given}")
    loaded = load_benchmark(benchmark) if isinstance(benchmark, str) else benchmark or _benchmark_of(item)
    identifier = item if isinstance(item, str) else item.id
    prepared = _prepared(loaded, reasoning)
    if identifier not in prepared.items:
        raise UsageError(f"score_answer: {loaded.name} has no item {identifier!r}")
    row = prepared.score(Completion(identifier, 0, text, finish_reason))
    extraction = row["extraction"]
    return AnswerScore(
        row["metrics"],
        row["labels"],
        row["messages"],
        extraction["call"],
        extraction["program"],
        extraction["how"],
        extraction.get("reasoning", ""),
        row["unfinished"],
    )


def read_run(path: str | os.PathLike[str]) -> Run:
    """A run that exists, by its folder or its address.

    Raises:
        RunError: it is no run, or damaged, or cannot be fetched.
    """
    opened = Run(remote.fetched(path))
    opened.manifest  # noqa: B018 - reading it is the check
    return opened


def compare(a: "PathOrRun", b: "PathOrRun") -> "Comparison":
    """Compares two runs over one benchmark, answer by answer, as ``apigauge compare`` does.

    Args:
        a: a run, or its folder.
        b: another; differences are its scores minus the first one's.

    Raises:
        UsageError: the runs are not over the same benchmark and data.
        RunError: a folder is no run.
    """
    from apigauge.harness.comparison import compare as comparison
    from apigauge.harness.evaluation.questions import reopen_for

    first, second = comparison.read(_path(a)), comparison.read(_path(b))
    comparison.check_benchmarks(first, second)
    apis = {}
    if first.scores and second.scores:
        apis = {item.id: item.api for item in reopen_for(first.path, first.manifest["benchmark"]).items}
    return comparison.compare(first, second, apis)


def gate(
    run: "PathOrRun",
    baseline: "PathOrRun",
    *,
    metrics: Sequence[str] | None = None,
    slices: Sequence[Literal["domain", "library"]] = (),
) -> Decision:
    """Decides whether a run is worse than a baseline, as ``apigauge gate`` does.

    Args:
        run: the new run, or its folder.
        baseline: a run, its folder, or a file that ``apigauge gate --save-baseline`` wrote.
        metrics: each as NAME or NAME:MARGIN, the drop that must be ruled out for a pass; by default all that the
            baseline has, with a margin of 0.05 of the metric's range.
        slices: looks for regressions in each domain or library as well.

    Raises:
        UsageError: a metric or slice makes no sense.
        RunError: the two cannot be compared.
    """
    from apigauge.harness.gate.criteria import criteria_for
    from apigauge.harness.gate.decide import benchmark_of, decide
    from apigauge.harness.gate.outcomes import read

    before, after = read(_path(baseline)), read(_path(run))
    benchmark = benchmark_of(before, after)
    named = [metrics] if isinstance(metrics, str) else metrics or ()
    judgement = decide(before, after, criteria_for(before, named, slices, benchmark), benchmark)
    return Decision(judgement.decision, judgement.findings, judgement.notes)


def report(
    runs: "PathOrRun | Iterable[PathOrRun]",
    out: str | os.PathLike[str],
    *,
    published: bool = True,
    export: Sequence[str] = ("csv",),
) -> Path:
    """Writes an HTML leaderboard of runs; returns the path of its first page.

    Args:
        runs: runs, or their folders.
        out: where the pages go.
        published: whether figures printed elsewhere are shown as well.
        export: files for other programs, as of ``apigauge report --export``, formats of plugins among them.

    Raises:
        UsageError: there is no such format.
        RunError: a folder is no run, or has not been scored.
        DataError: a run's benchmark is not here.
    """
    from apigauge.harness.cli.report import exporter
    from apigauge.harness.cli.report_views import view
    from apigauge.reports.build_cache import cache_of
    from apigauge.reports.leaderboard import write_site
    from apigauge.reports.ordering import ordered

    exports = [exporter(name) for name in export]
    benchmarks: dict[str, Questions] = {}
    given = [runs] if isinstance(runs, str | os.PathLike | Run) else runs
    site = local(out)
    cache = cache_of(site)
    views = ordered([view(_path(one), None, benchmarks, cache) for one in given])
    index = write_site(views, site, published=published, cache=cache)
    for write in exports:
        write(views, site)
    return index


def _evaluated(
    benchmark: Benchmark,
    generator: "Generator",
    target: Run,
    limit: int | None,
    metrics: Sequence[str] | None,
    sandbox: Kind | SandboxOptions,
    workers: int | None,
    reasoning: str,
    executor: "Executor",
) -> Run:
    from apigauge.harness.evaluation.evaluate import evaluate
    from apigauge.harness.metrics.registry import modules_for
    from apigauge.harness.metrics.table import MODULES

    if isinstance(sandbox, str) and sandbox not in get_args(Kind):
        raise UsageError(f"sandbox: {sandbox!r} is none of {', '.join(get_args(Kind))}")
    options = SandboxOptions(sandbox) if isinstance(sandbox, str) else sandbox
    metrics = [metrics] if isinstance(metrics, str) else metrics
    modules = modules_for(metrics) if metrics else list(MODULES)
    with sandbox_for(benchmark, options, metrics, _log.warning, executor=executor) as sandbox_open:
        what = (benchmark, generator, target.path, modules, limit, workers)
        evaluate(*what, sandbox=sandbox_open, reasoning=reasoning, executor=executor)
    for problem in target.summary["problems"]:
        _log.warning("%s", problem)
    return target


def _check_counts(**numbers: int | None) -> None:
    for name, number in numbers.items():
        if number is not None and (not isinstance(number, int) or number < 1):
            raise UsageError(f"{name}: give a whole number, 1 or more, or None; not {number!r}")


def _path(run: "PathOrRun") -> Path:
    return run.path if isinstance(run, Run) else remote.fetched(run)


def _benchmark_of(item: Item | str) -> Benchmark:
    if isinstance(item, str):
        raise UsageError(f"score_answer: give the benchmark whose item {item!r} is: benchmark=NAME")
    loaded = list(_benchmarks.values())
    for benchmark in loaded:
        if any(one is item for one in benchmark.items):
            return benchmark
    for benchmark in loaded:  # a copy, such as a pickled item
        if item in benchmark.items:
            return benchmark
    raise UsageError(f"score_answer: item {item.id!r} is of no benchmark loaded here; give benchmark=NAME")


@dataclass(frozen=True, slots=True)
class _Scorer:
    """A benchmark's metrics, ready; the benchmark is held so that its identity stays its own."""

    benchmark: Benchmark
    items: frozenset[str]
    score: "Callable[[Completion], ScoreRow]"


def _prepared(benchmark: Benchmark, reasoning: str) -> _Scorer:
    from apigauge.harness.evaluation.scoring import ScorerFactory
    from apigauge.harness.extraction.reasoning_tags import Reasoning, check_mode
    from apigauge.harness.metrics.table import STATIC

    key = (id(benchmark), reasoning)
    if key not in _scorers:
        items = frozenset(item.id for item in benchmark.items)
        factory = ScorerFactory(benchmark, tuple(STATIC), Reasoning(check_mode(reasoning)))
        _scorers[key] = _Scorer(benchmark, items, factory())
    return _scorers[key]
