"""Logs of inspect_ai: ``.json`` files that its ``read_eval_log`` and its viewer open.

Written against version 2 of the format, as inspect_ai 0.3.285 reads it.
"""

import hashlib
import json
import math
import textwrap
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from apigauge.harness.metrics.table import infos_for
from apigauge.reports.file_names import page_names, run_pages
from apigauge.reports.formats.texts import plain, write_lines
from apigauge.reports.views import ItemView, RunView, section

_NEVER = "1970-01-01T00:00:00+00:00"


def write_logs(runs: Sequence[RunView], out: Path) -> Path:
    """Writes ``inspect/TIME_BENCHMARK_PAGE.json`` for each run: the folder is a log directory of ``inspect view``."""
    folder = out / "inspect"
    for page, run in zip(run_pages(runs), runs, strict=True):
        parts = (_created(run).replace(":", "-"), *page_names([run.benchmark]), page)
        name = "_".join(part.replace("_", "-") for part in parts)
        write_lines(folder / f"{name}.json", _log(run, page))
    return folder


def _created(run: RunView) -> str:
    return str(run.manifest.get("created") or _NEVER)


def _log(run: RunView, page: str) -> Iterator[str]:
    """The file in parts, of which each sample is one: a log of a million would take gigabytes."""
    metrics = [info.name for info in infos_for(section(run.summary, "metrics"))]
    model = plain(run.spec)
    head = {
        "version": 2,
        "status": "success",
        "eval": _spec(run, page, model, max(run.scored.samples, default=0) + 1),
        "plan": {},
        "results": {
            "total_samples": len(run.rows),
            "completed_samples": len(run.rows),
            "scores": [_score(metric, section(run.summary, "metrics")[metric]) for metric in metrics],
        },
        "stats": {"started_at": _created(run), "completed_at": _created(run)},
    }
    yield json.dumps(head, indent=1).removesuffix("\n}") + ',\n "samples": ['
    for number, row in enumerate(run.rows):
        yield (",\n" if number else "\n") + textwrap.indent(json.dumps(_sample(row, model, metrics), indent=1), "  ")
    yield "\n ]\n}\n" if run.rows else "]\n}\n"


def _spec(run: RunView, page: str, model: str, epochs: int) -> dict[str, Any]:
    record = section(run.manifest, "benchmark")
    identity = hashlib.sha256(json.dumps([page, run.manifest], sort_keys=True).encode()).hexdigest()[:22]
    names = sorted(set(map(plain, run.scored.ids)))
    partial = {"partial": "{} of {} questions".format(*run.missing_items)} if run.missing_items else {}
    return {
        "eval_id": identity,
        "run_id": identity,
        "task_id": identity,
        "created": _created(run),
        "task": plain(run.benchmark),
        "task_version": plain(str(record.get("version") or run.digest)),
        "dataset": {"name": plain(run.benchmark), "samples": len(names), "sample_ids": names},
        "model": model,
        "config": {"epochs": epochs},
        "packages": {"apigauge": str(run.manifest.get("apigauge_version") or "unknown")},
        "metadata": {"manifest": json.dumps(run.manifest, sort_keys=True), "run": plain(run.name)} | partial,
    }


def _score(metric: str, entry: dict[str, Any]) -> dict[str, Any]:
    numbers = {"mean": "value", "interval_low": "low", "interval_high": "high"}
    facts = {key: entry[key] for key in ("n", "clusters", "effective_clusters", "method", "seed") if key in entry}
    return {
        "name": plain(metric),
        "scorer": plain(metric),
        "metrics": {name: {"name": name, "value": entry[key]} for name, key in numbers.items()},
        "metadata": facts | {"interval": "95 %"},
    }


def _sample(row: ItemView, model: str, metrics: Sequence[str]) -> dict[str, Any]:
    question, text = plain(row.instruction), plain(row.text)
    content: Any = text
    if row.reasoning:
        content = [{"type": "reasoning", "reasoning": plain(row.reasoning)}, {"type": "text", "text": text}]
    answer = {"role": "assistant", "content": content, "source": "generate", "model": model}
    stop = "max_tokens" if row.unfinished == "length" else "stop"
    return {
        "id": plain(row.id),
        "epoch": row.sample + 1,
        "input": question,
        "target": plain(row.reference_call),
        "messages": [{"role": "user", "content": question, "source": "input"}, answer],
        "output": {"model": model, "choices": [{"message": answer, "stop_reason": stop}], "completion": text},
        "scores": {
            plain(metric): {
                "value": row.metrics[metric],
                "answer": plain(row.call or ""),
                "explanation": plain(row.messages.get(metric) or row.labels.get(metric, "")),
            }
            for metric in metrics
            if math.isfinite(row.metrics.get(metric, math.nan))
        },
        "metadata": {"api": plain(row.api or row.id), "domain": plain(row.domain)},
    }
