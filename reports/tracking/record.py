"""What a tracker is given of a run: an identity, its manifest as parameters, its scores as metrics."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from apigauge.reports.views import RunView, section

# What says when, where and at what price a run was made, and may change while it is resumed: tags and no parameters.
_NOTES = ("created", "host", "timings", "cache", "price")
# Of an estimate, what becomes a metric of its own next to the value.
_PARTS = ("low", "high", "n", "clusters")


@dataclass(frozen=True, slots=True)
class Tracked:
    """A run for a tracker.

    Attributes:
        identity: 16 hexadecimal digits, the same whenever the run is exported, so that it is updated.
        name: of the run's folder.
        project: the benchmark.
        created: when the run began, in seconds since 1970; 0 if it does not say.
        parameters: the manifest's entries by dotted name, as text.
        notes: likewise, those that say when, where and at what price the run was made.
        metrics: by name the value, and under ``NAME.low``, ``.high``, ``.n`` and ``.clusters`` its 95 % interval, the
            number of answers and of APIs; and the sums of the run.
    """

    identity: str
    name: str
    project: str
    created: float
    parameters: dict[str, str]
    notes: dict[str, str]
    metrics: dict[str, float]


def tracked(run: RunView) -> Tracked:
    """What a tracker is given of a run."""
    manifest: Mapping[str, Any] = run.manifest
    created = str(manifest.get("created", ""))
    parts = [run.name, run.benchmark, run.spec, created]
    return Tracked(
        hashlib.sha256("\0".join(parts).encode()).hexdigest()[:16],
        run.name,
        run.benchmark,
        _seconds(created),
        _flat({name: value for name, value in manifest.items() if name not in _NOTES}),
        _flat({name: manifest[name] for name in _NOTES if name in manifest}),
        _metrics(run),
    )


def _metrics(run: RunView) -> dict[str, float]:
    metrics: dict[str, float] = {}
    for name, estimate in section(run.summary, "metrics").items():
        metrics |= _estimate(name, estimate)
        if (ceiling := section(run.summary, "ceilings").get(name)) is not None:
            metrics[f"{name}.ceiling"] = float(ceiling)
    for name, record in section(run.summary, "samples").items():
        metrics |= _estimate(f"{name}.consistency", section(record, "consistency"))
        for k, estimate in section(record, "pass_at").items():
            # Not every tracker allows the @ of pass@k.
            metrics |= _estimate(f"{name}.pass_at_{k}", estimate)
    usage, unfinished = section(run.summary, "usage"), section(run.summary, "unfinished")
    sums: dict[str, Any] = {"items": run.summary.get("items"), "expected": run.summary.get("expected")}
    sums |= {f"usage.{name}": value for name, value in usage.items()} | {"unfinished.share": unfinished.get("share")}
    sums["infra_error_rate"] = run.summary.get("infra_error_rate")
    return metrics | {name: float(value) for name, value in sums.items() if isinstance(value, int | float)}


def _estimate(name: str, estimate: Mapping[str, Any]) -> dict[str, float]:
    """A value with its interval and numbers; empty where the estimate is."""
    if "value" not in estimate:
        return {}
    parts = {f"{name}.{part}": float(estimate[part]) for part in _PARTS if part in estimate}
    return {name: float(estimate["value"]), **parts}


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, str]:
    """Nested entries by dotted name; lists as JSON."""
    flat: dict[str, str] = {}
    for name, entry in value.items():
        if isinstance(entry, Mapping):
            flat |= _flat(entry, f"{prefix}{name}.")
        else:
            flat[f"{prefix}{name}"] = entry if isinstance(entry, str) else json.dumps(entry, ensure_ascii=False)
    return flat


def _seconds(created: str) -> float:
    try:
        return datetime.fromisoformat(created).timestamp()
    except ValueError:
        return 0.0
