"""What the gate compares: a run's scores, item by item, or the small file that was made of them."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from apigauge.errors import RunError
from apigauge.harness.evaluation import run_directory
from apigauge.harness.metrics.executability import infra_errors, is_withheld
from apigauge.harness.metrics.table import MODULES, is_executed

_FORMAT = "apigauge baseline 1"


@dataclass(frozen=True, slots=True)
class Outcomes:
    """One run's scores and what they depend on.

    Attributes:
        path: where they were read.
        benchmark: its name.
        digest: of its data.
        prompts: digest of what was asked.
        model: as the manifest describes who answered.
        scorers: for each metric what its numbers depend on, so that equal ones can be compared.
        manifest_sha256: of the run's manifest file.
        rows: the metrics of each answer.
        infra_error_rate: share of programs that failed through the sandbox's own trouble.
        withheld: whether that is too many for a number.
    """

    path: Path
    benchmark: str
    digest: str
    prompts: str
    model: dict[str, Any]
    scorers: dict[str, str]
    manifest_sha256: str
    rows: dict[run_directory.Key, dict[str, float]]
    infra_error_rate: float
    withheld: bool


def read(path: Path) -> Outcomes:
    """The outcomes of a run's folder or of a baseline file.

    Raises:
        RunError: it is neither, or damaged, or the run is not scored.
    """
    return _of_run(path) if path.is_dir() else _of_file(path)


def _of_run(path: Path) -> Outcomes:
    manifest = run_directory.read_json(path / run_directory.MANIFEST)
    rows = run_directory.read_rows(path / run_directory.SCORES)
    if not rows:
        raise RunError(f"{path}: it has no scores yet; `apigauge score` or `apigauge run` makes them")
    return of_run(path, manifest, rows, hashlib.sha256((path / run_directory.MANIFEST).read_bytes()).hexdigest())


def of_run(
    path: Path, manifest: Mapping[str, Any], rows: Sequence[Mapping[str, Any]] = (), manifest_sha256: str = ""
) -> Outcomes:
    """The outcomes of a run with such a manifest and scores; without any, what they would depend on."""
    failed, executed = infra_errors(rows)
    scorers = {
        name: _scorer(manifest, module)
        for module, names in MODULES.items()
        if module in manifest.get("metrics", {})
        for name in names
    }
    return Outcomes(
        path=path,
        benchmark=manifest["benchmark"].get("name", ""),
        digest=manifest["benchmark"].get("digest", ""),
        prompts=manifest.get("prompt_sha256", ""),
        model=manifest.get("generator", {}),
        scorers=scorers,
        manifest_sha256=manifest_sha256,
        rows={(row["item"], row["sample"]): dict(row["metrics"]) for row in rows},
        infra_error_rate=failed / executed if executed else 0.0,
        withheld=is_withheld(failed, executed),
    )


def _scorer(manifest: Mapping[str, Any], module: str) -> str:
    """Version and code of a metric, of the extraction before it and, if it runs programs, of where they ran."""
    parts = [str(manifest["metrics"][module]), f"extraction {manifest.get('extraction')}"]
    if is_executed(MODULES[module][0]):
        text = json.dumps(manifest.get("sandbox"), sort_keys=True)
        parts.append(f"sandbox {hashlib.sha256(text.encode()).hexdigest()[:12]}")
    return "; ".join(parts)


def save(outcomes: Outcomes, path: Path) -> None:
    """Writes a baseline file: fit to be committed, a line for each answer so that its changes can be read."""
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
    }
    lines = [f"{json.dumps(name)}: {json.dumps(value, sort_keys=True)}" for name, value in head.items()]
    answers = [
        json.dumps({"item": item, "sample": sample, **{name: _plain(value) for name, value in metrics.items()}})
        for (item, sample), metrics in sorted(outcomes.rows.items())
    ]
    text = "{\n" + ",\n".join(lines) + ',\n"answers": [\n' + ",\n".join(answers) + "\n]\n}\n"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


def _plain(value: float) -> float:
    """Zeros and ones, which most scores are, without their point."""
    return int(value) if value == int(value) else value


def _of_file(path: Path) -> Outcomes:
    head = run_directory.read_json(path)
    if head.get("format") != _FORMAT:
        raise RunError(f"{path}: no run's folder and no baseline; `apigauge gate RUN --save-baseline FILE` makes one")
    try:
        rows = {
            (str(row["item"]), int(row["sample"])): {
                name: float(value) for name, value in row.items() if name not in ("item", "sample")
            }
            for row in head["answers"]
        }
        texts = {name: str(head[name]) for name in ("benchmark", "digest", "prompts", "manifest_sha256")}
        return Outcomes(
            path=path,
            model=dict(head["model"]),
            scorers=dict(head["scorers"]),
            rows=rows,
            infra_error_rate=float(head["infra_error_rate"]),
            withheld=bool(head["withheld"]),
            **texts,
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunError(f"{path}: a damaged baseline ({type(error).__name__}: {error}); save it again") from error
