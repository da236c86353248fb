"""Every Eval Ever: of each run the evaluation with its intervals, and every answer with its scores.

Written against schema 0.3.0 (arXiv 2606.14516). ``harness/readers/every_eval_ever.py`` reads both files as a run.
"""

import hashlib
import json
import uuid
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from apigauge.harness.metrics.table import MetricInfo, infos_for
from apigauge.reports.file_names import page_names, run_pages
from apigauge.reports.formats.texts import plain, write, write_lines
from apigauge.reports.views import ItemView, RunView, section

SCHEMA = "0.3.0"
_HERE = frozenset({"hf", "vllm"})


def write_evaluations(runs: Sequence[RunView], out: Path) -> Path:
    """Writes ``every-eval-ever/data/BENCHMARK/DEVELOPER/MODEL/``: ``UUID.json`` and ``UUID_samples.jsonl`` for a run.

    The UUID depends on nothing but the run. A metric is an evaluation, named ``BENCHMARK/METRIC``.
    """
    root = out / "every-eval-ever"
    for page, run in zip(run_pages(runs), runs, strict=True):
        model = model_id(run, page)
        content = json.dumps([page, run.manifest, run.summary], sort_keys=True)
        name = uuid.UUID(bytes=hashlib.sha256(content.encode()).digest()[:16], version=4)
        folder = Path("data", _part(run.benchmark), *model.split("/"))
        evaluation = f"{_part(run.benchmark)}/{model}/{_seconds(run)}"
        lines = (json.dumps(row) + "\n" for row in _samples(run, evaluation, model))
        number, digest = write_lines(root / folder / f"{name}_samples.jsonl", lines)
        about = _aggregate(run, evaluation, model)
        about["detailed_evaluation_results"] = {
            "format": "jsonl",
            "file_path": (folder / f"{name}_samples.jsonl").as_posix(),
            "hash_algorithm": "sha256",
            "checksum": digest,
            "total_rows": number,
        }
        write(root / folder / f"{name}.json", json.dumps(about, indent=2) + "\n")
    return root


def model_id(run: RunView, page: str) -> str:
    """What answered, as ``DEVELOPER/MODEL``: the repository of a checkpoint on the Hub, else the backend and a name."""
    kind, _, rest = run.spec.partition(":")
    developer, _, name = rest.partition("@")[0].partition("/")
    if (
        kind in _HERE
        and developer
        and name
        and "/" not in name
        and _part(name) == name
        and _part(developer) == developer
    ):
        return f"{developer}/{name}"
    return f"{_part(kind)}/{_part(rest or page)}"


def _part(text: str) -> str:
    """A text as a component of a path."""
    (name,) = page_names([text])
    return f"{name}-" if name == "data" else name


def _seconds(run: RunView) -> str:
    """When the run was made, in seconds since 1970; 0 if it does not say."""
    try:
        return f"{datetime.fromisoformat(str(run.manifest.get('created'))).timestamp():.0f}"
    except ValueError:
        return "0"


def _aggregate(run: RunView, evaluation: str, model: str) -> dict[str, Any]:
    kind = str(section(run.manifest, "generator").get("kind", ""))
    measured = section(run.summary, "metrics")
    details = {"manifest": json.dumps(run.manifest, sort_keys=True)}
    about: dict[str, Any] = {
        "schema_version": SCHEMA,
        "evaluation_id": evaluation,
        "retrieved_timestamp": _seconds(run),
        "source_metadata": {
            "source_name": "apigauge",
            "source_type": "evaluation_run",
            "source_organization_name": "not stated",
            "evaluator_relationship": "other",
        },
        "eval_library": {
            "name": "apigauge",
            "version": str(run.manifest.get("apigauge_version") or "unknown"),
            "additional_details": details,
        },
        "model_info": {
            "name": plain(run.spec),
            "id": model,
            "developer": model.split("/", maxsplit=1)[0],
            "additional_details": {
                "deployment_type": "self_deployed" if kind in _HERE else "unknown",
                "model_availability": "unknown",
            },
        },
        "evaluation_results": [_result(run, info, measured[info.name]) for info in infos_for(measured)],
    }
    if created := run.manifest.get("created"):
        about["evaluation_timestamp"] = str(created)
    return about


def _result(run: RunView, info: MetricInfo, entry: dict[str, Any]) -> dict[str, Any]:
    facts = ("clusters", "effective_clusters", "seed", "unfinished", "unfinished_share")
    partial = {"partial": "{} of {} questions".format(*run.missing_items)} if run.missing_items else {}
    method = f"{entry.get('method', 'not recorded')} (clusters: questions about one API)"
    score: dict[str, Any] = {
        "score": entry["value"],
        "uncertainty": {
            "confidence_interval": {
                "lower": entry["low"],
                "upper": entry["high"],
                "confidence_level": 0.95,
                "method": plain(method),
            },
            "num_samples": entry["n"],
        },
        "details": {name: json.dumps(entry[name]) for name in facts if entry.get(name) is not None} | partial,
    }
    return {
        "evaluation_name": evaluation_name(run, info.name),
        "evaluation_result_id": evaluation_name(run, info.name),
        "source_data": {
            "dataset_name": plain(run.benchmark),
            "source_type": "other",
            "additional_details": {"digest": plain(run.digest), "items": str(run.summary.get("items"))},
        },
        "metric_config": {
            "evaluation_description": plain(info.meaning),
            "metric_id": plain(info.name),
            "metric_name": plain(info.name),
            "lower_is_better": info.lower_is_better,
            "score_type": "continuous",
            "min_score": 0.0,
            "max_score": info.top,
        },
        "score_details": score,
    }


def evaluation_name(run: RunView, metric: str) -> str:
    """A metric on a benchmark, which is what the readers of these files call an evaluation."""
    return plain(f"{run.benchmark}/{metric}")


def _samples(run: RunView, evaluation: str, model: str) -> Iterator[dict[str, Any]]:
    """A line for each metric and answer, in the run's order; the answers to one question come by their number."""
    samples = run.scored.samples
    places: dict[str, list[int]] = {}
    for place in sorted(range(len(samples)), key=samples.__getitem__):
        places.setdefault(run.scored.ids[place], []).append(place)
    answers = {item: iter(own) for item, own in places.items()}
    ordered = [next(answers[item]) for item in run.scored.ids]
    for info in infos_for(section(run.summary, "metrics")):
        name = evaluation_name(run, info.name)
        head = {"schema_version": SCHEMA, "evaluation_id": evaluation, "model_id": model, "evaluation_name": name}
        for place in ordered:
            yield head | {"evaluation_result_id": name} | _sample(run.rows[place], info)


def _sample(row: ItemView, info: MetricInfo) -> dict[str, Any]:
    question, reference = plain(row.instruction), plain(row.reference_call)
    score = row.metrics.get(info.name)
    best = 0.0 if info.lower_is_better else info.top
    output: dict[str, Any] = {"raw": [plain(row.text)]}
    if row.reasoning:
        output["reasoning_trace"] = [plain(row.reasoning)]
    facts = {
        "api": row.api or row.id,
        "domain": row.domain,
        "sample": str(row.sample),
        "label": row.labels.get(info.name, ""),
        "message": row.messages.get(info.name, ""),
        "unfinished": row.unfinished or "",
    }
    return {
        "sample_id": plain(row.id),
        "sample_hash": hashlib.sha256(f"{question}{reference}".encode()).hexdigest(),
        "interaction_type": "single_turn",
        "input": {"raw": question, "reference": [reference]},
        "output": output,
        "answer_attribution": [
            {
                "turn_idx": 0,
                "source": "output.raw",
                "extracted_value": plain(row.call or ""),
                "extraction_method": plain(row.how or "none"),
                "is_terminal": True,
            }
        ],
        "evaluation": {"score": 0.0 if score is None else score, "is_correct": score == best},
        "error": "no score" if score is None else None,
        "metadata": {name: plain(value) for name, value in facts.items() if value},
    }
