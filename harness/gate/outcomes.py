"""What the gate compares: a run's scores, item by item, from its folder or from a baseline file made of it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

from apigauge.errors import RunError
from apigauge.file_formats import GeneratorRecord, Manifest, UnfinishedRecord, UsageRecord
from apigauge.harness.comparison.versions import environment_of
from apigauge.harness.evaluation import run_directory
from apigauge.harness.evaluation.score_rows import ScoreRows, Tally, tally
from apigauge.harness.extraction.reasoning_tags import of_record
from apigauge.harness.gate import input_checks
from apigauge.harness.metrics.executability import is_withheld
from apigauge.harness.metrics.table import NAMES, is_executed, names_by_module, remember

_FORMAT = "apigauge baseline 1"


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One run's scores and what they depend on.

    Attributes:
        path: the folder or file they were read from.
        benchmark: its name.
        digest: of the benchmark's data.
        prompts: digest of the prompts.
        model: the generator, as the manifest describes it.
        scorers: by metric, a text of all that its numbers depend on; only equal ones can be compared.
        manifest_sha256: of the run's manifest file.
        rows: the metrics of each answer.
        infra_error_rate: share of the programs that did not run because the sandbox failed.
        withheld: whether that share is too high to publish the metrics of executed programs.
        unfinished: how many answers have no end; None if the run, scored by an older version, does not say.
        loader: digest of the code that read the benchmark; empty if the run, made by an older version, does not say.
        items: how many questions the run is of; None if it does not say.
        hits: how many answers came from the cache.
        usage: what the answers took; None where it is not recorded.
        origin: where a benchmark was read from that does not come with apigauge; else empty.
        version: of the benchmark, such as ``3-B``; empty where it is not recorded.
        environment: what the programs' environment was called; empty where none ran, or an older version saved it.
        plugin_metrics: what the manifest says of plugins' metrics.
    """

    path: Path
    benchmark: str
    digest: str
    prompts: str
    model: GeneratorRecord
    scorers: dict[str, str]
    manifest_sha256: str
    rows: Mapping[run_directory.Key, Mapping[str, float]]
    infra_error_rate: float
    withheld: bool
    unfinished: UnfinishedRecord | None = None
    loader: str = ""
    items: int | None = None
    hits: int = 0
    usage: UsageRecord | None = None
    origin: str = ""
    version: str = ""
    environment: str = ""
    plugin_metrics: Mapping[str, Any] = field(default_factory=dict)

    @property
    def metrics(self) -> list[str]:
        """The metrics that the run was scored by, or has any number of: first those of the table, in its order."""
        names = {*self.scorers, *columns(self).names}
        return [*(name for name in NAMES if name in names), *sorted(names - {*NAMES})]


def columns(outcomes: Outcomes) -> ScoreRows:
    """The scores in columns, as a run and a file are read."""
    return outcomes.rows if isinstance(outcomes.rows, ScoreRows) else ScoreRows(outcomes.rows)


def read(path: Path) -> Outcomes:
    """The outcomes of a run's folder or of a baseline file.

    Raises:
        RunError: the path is neither, or damaged, or the run has no scores.
    """
    return _of_run(path) if path.is_dir() else _of_file(path)


def _of_run(path: Path) -> Outcomes:
    manifest, counts = input_checks.read_manifest(path), tally(input_checks.iterate_scores(path))
    outcomes = of_run(path, manifest, counts, hashlib.sha256((path / run_directory.MANIFEST).read_bytes()).hexdigest())
    return replace(outcomes, usage=input_checks.read_usage(path))


def of_run(path: Path, manifest: Manifest, counts: Tally | None = None, manifest_sha256: str = "") -> Outcomes:
    """The outcomes of a run with this manifest and these scores; without them, all but the scores."""
    counts = counts or Tally()
    # Another harness may have some of the metrics that a module of ours yields.
    measured = counts.scores.names if "source" in manifest else NAMES
    scorers = {
        name: _scorer(manifest, module)
        for module, names in names_by_module().items()
        if module in manifest.get("metrics", {})
        for name in names
        if name in measured
    }
    return Outcomes(
        path=path,
        benchmark=manifest["benchmark"].get("name", ""),
        digest=manifest["benchmark"].get("digest", ""),
        prompts=manifest.get("prompt_sha256", ""),
        model=manifest.get("generator", {}),
        scorers=scorers,
        manifest_sha256=manifest_sha256,
        rows=counts.scores,
        infra_error_rate=counts.failed / counts.ran if counts.ran else 0.0,
        withheld=is_withheld(counts.failed, counts.ran),
        unfinished=counts.unfinished(),
        loader=manifest["benchmark"].get("loader", ""),
        items=manifest["benchmark"].get("items"),
        hits=manifest.get("cache", {}).get("hits", 0),
        origin=manifest["benchmark"].get("path", ""),
        version=manifest["benchmark"].get("version", ""),
        environment=environment_of(manifest),
        plugin_metrics=manifest.get("plugin_metrics", {}),
    )


def _scorer(manifest: Manifest, module: str) -> str:
    """Versions of a metric and of the extraction and, if the metric runs programs, a digest of the sandbox's record."""
    reasoning = of_record(manifest.get("reasoning"))
    texts = [
        str(manifest["metrics"][module]),
        f"extraction {manifest.get('extraction')}",
        f"reasoning {reasoning.mode}",
    ]
    if is_executed(names_by_module()[module][0]):
        if execution := manifest.get("execution"):
            texts.append(f"execution {execution}")
        text = json.dumps(manifest.get("sandbox"), sort_keys=True)
        texts.append(f"sandbox {hashlib.sha256(text.encode()).hexdigest()[:12]}")
    return "; ".join(texts)


def save(outcomes: Outcomes, path: Path) -> None:
    """Writes a baseline file to be committed: one line for each answer, so that a diff shows what changed."""
    head = {
        "format": _FORMAT,
        "benchmark": outcomes.benchmark,
        "digest": outcomes.digest,
        "prompts": outcomes.prompts,
        "model": outcomes.model,
        "scorers": outcomes.scorers,
        "manifest_sha256": outcomes.manifest_sha256,
        "infra_error_rate": outcomes.infra_error_rate,
        "withheld": outcomes.withheld,
        **({"unfinished": outcomes.unfinished} if outcomes.unfinished else {}),
        **({"loader": outcomes.loader} if outcomes.loader else {}),
        **({"items": outcomes.items} if outcomes.items else {}),
        **({"hits": outcomes.hits} if outcomes.hits else {}),
        **({"usage": outcomes.usage} if outcomes.usage else {}),
        **({"origin": outcomes.origin} if outcomes.origin else {}),
        **({"version": outcomes.version} if outcomes.version else {}),
        **({"environment": outcomes.environment} if outcomes.environment else {}),
        **({"plugin_metrics": outcomes.plugin_metrics} if outcomes.plugin_metrics else {}),
    }
    lines = [f"{json.dumps(name)}: {json.dumps(value, sort_keys=True)}" for name, value in head.items()]
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.tmp")
    with temporary.open("w", encoding="utf-8") as file:
        file.write("{\n" + ",\n".join(lines) + ',\n"answers": [')
        for number, key in enumerate(sorted(outcomes.rows)):
            metrics = {name: _plain(value) for name, value in outcomes.rows[key].items()}
            file.write((",\n" if number else "\n") + json.dumps({"item": key[0], "sample": key[1], **metrics}))
        file.write("\n]\n}\n")
    temporary.replace(path)


def _plain(value: float) -> float:
    """Whole numbers, which most scores are, without a decimal point."""
    return int(value) if value == int(value) else value


def _of_file(path: Path) -> Outcomes:
    head = input_checks.read_object(path)
    if head.get("format") != _FORMAT:
        raise RunError(
            f"{path}: neither a run's folder nor a baseline file; `apigauge gate RUN --save-baseline FILE` makes one"
        )
    try:
        texts = {name: input_checks.text(head[name]) for name in ("benchmark", "digest", "prompts")}
        scorers = {str(name): input_checks.text(value) for name, value in dict(head["scorers"]).items()}
        if not isinstance(head["withheld"], bool):
            raise TypeError(f"withheld is {head['withheld']!r}")  # noqa: TRY301 - joins the errors below
        remember(head.get("plugin_metrics"))
        return Outcomes(
            path=path,
            model=cast("GeneratorRecord", dict(head["model"])),
            scorers=scorers,
            manifest_sha256=str(head["manifest_sha256"]),
            rows=_rows(path, head["answers"]),
            infra_error_rate=input_checks.share(head["infra_error_rate"]),
            withheld=head["withheld"],
            unfinished=_unfinished(head.get("unfinished")),
            loader=input_checks.text(head["loader"]) if "loader" in head else "",
            items=input_checks.count(head.get("items")),
            hits=int(head.get("hits", 0)),
            usage=input_checks.usage(head.get("usage")),
            origin=input_checks.text(head["origin"]) if "origin" in head else "",
            version=input_checks.text(head["version"]) if "version" in head else "",
            environment=input_checks.text(head["environment"]) if "environment" in head else "",
            plugin_metrics=dict(head.get("plugin_metrics", {})),
            **texts,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{path}: a damaged baseline ({type(error).__name__}: {error}); save it again") from error


def _rows(path: Path, answers: Sequence[dict[str, Any]]) -> ScoreRows:
    rows = ScoreRows()
    for row in answers:
        key = input_checks.key(row)
        if key in rows:
            raise RunError(f"{path}: sample {key[1]} of item {key[0]!r} stands there twice; save it again")
        metrics = {
            name: input_checks.score(value, name, f"{path}: item {key[0]!r}")
            for name, value in row.items()
            if name not in ("item", "sample")
        }
        rows.add(key, metrics)
    if not rows:
        raise RunError(f"{path}: it has no answers; save it again from a scored run")
    return rows


def _unfinished(record: object) -> UnfinishedRecord | None:
    """What a baseline file says of unfinished answers; None for a file of an older version.

    Raises:
        KeyError: it is damaged.
        ValueError: likewise.
    """
    if not isinstance(record, dict):
        return None
    reasons = {str(name): int(number) for name, number in dict(record["reasons"]).items()}
    count, answers = int(record["count"]), int(record["answers"])
    return {"count": count, "answers": answers, "share": float(record["share"]), "reasons": reasons}
