"""A log of another harness as a run directory, which every command reads that reads runs."""

import hashlib
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from apigauge.benchmarks.types import Item
from apigauge.errors import RunError
from apigauge.file_formats import GeneratorRecord, Manifest, MetricRecord
from apigauge.harness.evaluation import questions, run_directory
from apigauge.harness.evaluation.summary import summarise
from apigauge.harness.evaluation.unfinished import LENGTH
from apigauge.harness.evaluation.usage import Usage
from apigauge.harness.metrics import table
from apigauge.harness.metrics.table import METRICS, MetricInfo
from apigauge.harness.readers import files
from apigauge.harness.readers.types import Answer, Log

_OWN = {info.name for info in METRICS}
# Changes where this module reads the same log as other questions or scores than before.
_VERSION = "1"


@files.uncollected()
def write(log: Log, infos: Mapping[str, MetricInfo], source: Path, run: Path, *, digest: str = "") -> None:
    """Writes a run directory.

    Args:
        log: its answers, each once.
        infos: the metrics that are kept.
        source: where the log was read from.
        run: a folder that does not exist yet.
        digest: of the questions; that of the log's own by default.

    Raises:
        RunError: a metric has the name of a plugin's, and differs from it.
    """
    run.mkdir(parents=True)
    record = _manifest(log, infos, source, digest or digest_of(log))
    _remember(infos, record)
    run_directory.write_json(run / run_directory.MANIFEST, record)
    items = _items(log.answers)
    fields = ("id", "instruction", "reference_call", "reference_program", "domain", "api")
    _write_lines(run / questions.FILE, ({name: getattr(item, name) for name in fields} for item in items.values()))
    _write_lines(
        run / run_directory.GENERATIONS,
        ({"item": one.item, "sample": one.sample, "text": one.text} for one in log.answers),
    )
    _write_lines(run / run_directory.SCORES, (_score_row(one, infos) for one in log.answers))


def add_summary(run: Path) -> None:
    """Writes the summary of a run that :func:`write` wrote; gate and comparison need none."""
    record = run_directory.read_manifest(run)["benchmark"]
    summarise(questions.reopen_for(run, record), run, [], Usage())


def digest_of(log: Log) -> str:
    """A digest of the questions of a log: their names, clusters, and what tells them from others of the same name."""
    return _digest(_identities(log))


def common_digest(logs: Sequence[tuple[Path, Log]]) -> str:
    """A digest of the questions of several logs, which may have asked different ones, but not others by one name.

    Raises:
        RunError: a question of one log has another cluster or another text in another one.
    """
    union: dict[str, tuple[Path, tuple[str, str]]] = {}
    for path, log in logs:
        for item, identity in _identities(log).items():
            first, before = union.setdefault(item, (path, identity))
            if before[1] != identity[1]:
                raise RunError(f"{item!r} is another question in {path} than in {first}; they cannot be compared")
            if before[0] != identity[0]:
                raise RunError(
                    f"{item!r} is in cluster {identity[0]!r} in {path}, and in {before[0]!r} in {first}; "
                    "a cluster must not depend on the run"
                )
    return _digest({item: identity for item, (_, identity) in union.items()})


def _identities(log: Log) -> dict[str, tuple[str, str]]:
    return {one.item: (one.cluster, one.identity) for one in log.answers}


def _digest(identities: Mapping[str, tuple[str, str]]) -> str:
    text = json.dumps(sorted(identities.items()))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _items(answers: Iterable[Answer]) -> dict[str, Item]:
    items: dict[str, Item] = {}
    for one in answers:
        if one.item not in items:
            items[one.item] = Item(
                one.item, one.question, one.reference, "", one.domain or "all", one.cluster or one.item
            )
    return items


def benchmark_name(log: Log) -> str:
    """The name of what a log answers, which no benchmark of ours has."""
    return f"{log.harness}:{log.task}"


def _manifest(log: Log, infos: Mapping[str, MetricInfo], source: Path, digest: str) -> Manifest:
    from apigauge import __version__

    generator: dict[str, Any] = {"spec": log.model or "a model that is not named", "kind": log.harness}
    if log.settings:
        generator["sampling"] = dict(log.settings)
    record: Manifest = {
        "schema_version": run_directory.SCHEMA_VERSION,
        "apigauge_version": __version__,
        "benchmark": {
            "name": benchmark_name(log),
            "digest": digest,
            "loader": f"reader of {log.harness} {_VERSION}",
            "items": len({one.item for one in log.answers}),
        },
        # Other prompts are what such runs are compared for, as other models are.
        "prompt_sha256": f"as {log.harness} asked",
        "generator": cast("GeneratorRecord", generator),
        "extraction": log.harness,
        "metrics": {info.module: _scorer(log, info) for info in infos.values()},
        "plugin_metrics": {
            name: cast("MetricRecord", asdict(info)) for name, info in infos.items() if name not in _OWN
        },
        "libraries": {log.harness: log.harness_version or "not recorded"},
        "sandbox": None,
        "source": {"harness": log.harness, "path": str(source)},
    }
    written = datetime.fromtimestamp(source.stat().st_mtime, UTC).isoformat(timespec="seconds")
    record["created"] = log.created or written
    return record


def _scorer(log: Log, info: MetricInfo) -> str:
    """What scores must share to be compared: harness, version of the task, direction and range."""
    version = f", task version {log.task_version}" if log.task_version else ""
    return f"{log.harness}{version}, {'lower' if info.lower_is_better else 'higher'} is better, up to {info.top:g}"


def _remember(infos: Mapping[str, MetricInfo], record: Manifest) -> None:
    table.remember(record["plugin_metrics"], replaces=True)
    for info in table.infos_for(infos):
        wanted = infos[info.name]
        if (info.lower_is_better, info.top) != (wanted.lower_is_better, wanted.top):
            direction = "small" if info.lower_is_better else "large"
            raise RunError(
                f"{info.name}: a plugin has a metric of this name, of which {direction} values up to {info.top:g} are "
                "good; rename it in the log"
            )


def _score_row(one: Answer, infos: Mapping[str, MetricInfo]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "item": one.item,
        "sample": one.sample,
        "extraction": {"call": None, "program": None},
        "metrics": {name: score for name, score in one.scores.items() if name in infos and math.isfinite(score)},
        "labels": {},
    }
    if one.is_cut_off is not None:
        row["unfinished"] = LENGTH if one.is_cut_off else None
    return row


def _write_lines(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    encode = json.JSONEncoder(ensure_ascii=False).encode  # json.dumps makes an encoder for each row
    with path.open("w", encoding="utf-8", errors="surrogatepass", newline="\n") as file:
        file.writelines(f"{encode(row)}\n" for row in rows)
