"""Logs of lm-evaluation-harness (``--log_samples``): ``samples_TASK_DATE.jsonl`` next to ``results_DATE.json``.

A document has a line for each filter of its task; the metrics behind a filter have its name, as in the harness's own
results. Written against version 0.4.13, whose ``loggers/evaluation_tracker.py`` writes both files.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from apigauge.errors import RunError, UsageError, did_you_mean
from apigauge.harness.readers import files
from apigauge.harness.readers.types import Answer, Log, Options

_NAME = re.compile(r"samples_(?P<task>.+?)(?:_(?P<date>\d{4}-\d\d-\d\dT\d\d-\d\d-\d\d[.\d]*))?\.jsonl")
_SETTINGS = ("gen_kwargs", "random_seed", "numpy_seed", "torch_seed", "fewshot_seed")
# Fields of a line that are no metrics, for versions that do not list the metrics.
_FIELDS = {"doc_id", "doc", "target", "arguments", "resps", "filtered_resps", "filter", "metrics"}
_NO_FILTER = "none"


def recognises(path: Path) -> bool:
    """A file of samples, or a folder with one, in it or a level below."""
    if path.is_dir():
        return next(_samples(path), None) is not None
    return bool(_NAME.fullmatch(path.name)) and '"doc_id"' in files.head(path)


def read(path: Path, options: Options) -> Log:
    """Reads one task, or several that have the same metrics."""
    chosen = _chosen(path, options)
    results = _results(next(iter(chosen.values())))
    answers: list[Answer] = []
    metrics: dict[str, list[str]] = {}
    for task, file in chosen.items():
        read_here = _answers(file, task, options, is_alone=len(chosen) == 1)
        _check_whole(file, task, read_here, results)
        metrics[task] = sorted({name for one in read_here for name in one.scores})
        answers += read_here
    if len({tuple(names) for names in metrics.values()}) > 1:
        shown = "; ".join(f"{task}: {', '.join(names)}" for task, names in metrics.items())
        raise UsageError(f"{path}: it has several tasks with different metrics ({shown}); --task NAME reads one")
    higher = results.get("higher_is_better", {})
    return Log(
        harness="lm-eval",
        task=_task_name(list(chosen), results),
        answers=answers,
        lower_is_better={name: _is_lower(higher, list(chosen), name) for name in next(iter(metrics.values()))},
        harness_version=files.plain(results.get("lm_eval_version")),
        task_version=", ".join(dict.fromkeys(files.plain(results.get("versions", {}).get(task)) for task in chosen)),
        model=_model(results),
        settings=_settings(results, list(chosen)),
        created=_date(results),
    )


def _samples(folder: Path) -> Iterator[Path]:
    for pattern in ("samples_*.jsonl", "*/samples_*.jsonl"):
        yield from (path for path in folder.glob(pattern) if _NAME.fullmatch(path.name))


def _chosen(path: Path, options: Options) -> dict[str, Path]:
    """The file of each task, by task: of a folder, those of the newest date.

    Raises:
        RunError: a folder has logs of several models.
        UsageError: the task is not there.
    """
    paths = sorted(_samples(path)) if path.is_dir() else [path]
    if len(folders := sorted({one.parent for one in paths})) > 1:
        raise RunError(f"{path}: it has logs in several folders; give one: {', '.join(map(str, folders))}")
    matched = [(match["task"], match["date"] or "", one) for one in paths if (match := _NAME.fullmatch(one.name))]
    newest = max(date for _, date, _ in matched)
    by_task = {task: one for task, date, one in matched if date == newest}
    if options.task and options.task not in by_task:
        raise UsageError(f"--task {options.task}: {path} has {', '.join(by_task)}{did_you_mean(options.task, by_task)}")
    return {options.task: by_task[options.task]} if options.task else by_task


def _results(samples: Path) -> dict[str, Any]:
    """What ``results_*.json`` says of the same evaluation; empty without it."""
    match = _NAME.fullmatch(samples.name)
    date = match["date"] if match else None
    path = samples.with_name(f"results_{date}.json" if date else "results.json")
    if not path.is_file():
        return {}
    results = files.document(path)
    for name in ("higher_is_better", "versions", "config", "n-samples", "group_subtasks", "n-shot"):
        if not isinstance(results.setdefault(name, {}), dict):
            raise RunError(f"{path}: {name} is {files.short(results[name])}, and not an object")
    return results


def _answers(path: Path, task: str, options: Options, *, is_alone: bool) -> list[Answer]:
    """The answers of one task: the lines of one document, one a filter, together."""
    answers: dict[str, Answer] = {}
    lines: dict[tuple[str, str], int] = {}
    for number, row in files.rows(path):
        where = f"{path}, line {number}"
        if "doc_id" not in row:
            raise RunError(f"{where}: it has no doc_id, so it is no sample of lm-evaluation-harness")
        doc, behind = files.field_of(row, "doc_id", where), row.get("filter", _NO_FILTER)
        if not isinstance(behind, str) or not behind:
            raise RunError(f"{where}: filter is {files.short(behind)}, and not the name of one")
        if first := lines.setdefault((doc, behind), 0):
            raise RunError(f"{where}: document {doc} with filter {behind!r} stands there twice, first in line {first}")
        lines[doc, behind] = number
        scores = _scores(row, behind, where)
        if doc in answers:
            answers[doc].scores.update(scores)
        else:
            item = doc if is_alone else f"{task}/{doc}"
            answers[doc] = _answer(row, item, task, scores, where, options)
    return list(answers.values())


def _scores(row: Mapping[str, Any], behind: str, where: str) -> dict[str, float]:
    listed = row.get("metrics")
    names = [name for name in row if name not in _FIELDS and not name.endswith("_hash")] if listed is None else listed
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise RunError(f"{where}: metrics is {files.short(listed)}, and not a list of names")
    scores = {}
    for name in names:
        if name not in row:
            raise RunError(f"{where}: it has no {files.label(name)}, which is listed among its metrics")
        value = row[name]
        # What is aggregated over all answers, such as a perplexity, comes as a list.
        if value is None or isinstance(value, list | dict) or (listed is None and isinstance(value, str)):
            continue
        scores[name if behind == _NO_FILTER else f"{name},{behind}"] = files.number(value, name, where)
    return scores


def _answer(
    row: Mapping[str, Any], item: str, task: str, scores: dict[str, float], where: str, options: Options
) -> Answer:
    raw = row.get("doc")
    doc = raw if isinstance(raw, dict) else {}
    cluster = ""
    if options.cluster:
        is_task = options.cluster == "task" and "task" not in doc
        cluster = task if is_task else files.field_of(doc, options.cluster, where)
    return Answer(
        item=item,
        sample=0,
        scores=scores,
        where=where,
        cluster=cluster,
        domain=task,
        question=_question(row) if options.has_texts else "",
        reference=files.plain(row.get("target")) if options.has_texts else "",
        text=_text(row) if options.has_texts else "",
        identity=files.plain(row.get("doc_hash") or raw),
    )


def _question(row: Mapping[str, Any]) -> str:
    """The prompt: the first argument of the first request."""
    value = row.get("arguments")
    for _ in range(2):
        if isinstance(value, dict):
            value = next(iter(value.values()), None)
        elif isinstance(value, list):
            value = value[0] if value else None
    return files.plain(value)


def _text(row: Mapping[str, Any]) -> str:
    """The answer as it was written, or for a choice the likelihoods."""
    value = row.get("resps")
    while isinstance(value, list) and len(value) == 1:
        value = value[0]
    return files.plain(value)


def _check_whole(path: Path, task: str, answers: Sequence[Answer], results: Mapping[str, Any]) -> None:
    counts = results.get("n-samples", {}).get(task)
    expected = counts.get("effective") if isinstance(counts, dict) else None
    if isinstance(expected, int) and expected != len(answers):
        raise RunError(f"{path}: it has {len(answers)} documents, and its results are of {expected}; copy it again")


def _is_lower(higher: Mapping[str, Any], tasks: Sequence[str], metric: str) -> bool | None:
    """Whether small values of a metric are good, if all tasks agree."""
    name = metric.partition(",")[0]
    said = [of_task.get(name) if isinstance(of_task := higher.get(task), dict) else None for task in tasks]
    is_higher = said[0]
    return not is_higher if isinstance(is_higher, bool) and all(one is is_higher for one in said) else None


def _task_name(tasks: Sequence[str], results: Mapping[str, Any]) -> str:
    """The task's name, or that of the group whose tasks these are."""
    if len(tasks) == 1:
        return tasks[0]
    groups = results.get("group_subtasks", {})

    def leaves(name: str, depth: int = 0) -> set[str]:
        below = groups.get(name)
        if not below or not isinstance(below, list) or depth > len(groups):
            return {name}
        return {leaf for one in below for leaf in leaves(str(one), depth + 1)}

    if group := next((name for name in groups if leaves(name) == set(tasks)), None):
        return str(group)
    if len(tasks) <= 3:
        return "+".join(sorted(tasks))
    return f"{len(tasks)} tasks {hashlib.sha256(' '.join(sorted(tasks)).encode()).hexdigest()[:8]}"


def _model(results: Mapping[str, Any]) -> str:
    kind, name = results.get("model_source"), results.get("model_name")
    return ":".join(files.plain(part) for part in (kind, name) if part)


def _settings(results: Mapping[str, Any], tasks: Sequence[str]) -> dict[str, Any]:
    config = results.get("config", {})
    settings = {name: config[name] for name in _SETTINGS if config.get(name) not in (None, {}, "")}
    shots = [results.get("n-shot", {}).get(task) for task in tasks]
    if isinstance(shots[0], int) and shots.count(shots[0]) == len(shots):
        settings["num_fewshot"] = shots[0]
    if results.get("system_instruction"):
        settings["system_instruction"] = results["system_instruction"]
    return settings


def _date(results: Mapping[str, Any]) -> str:
    try:
        return datetime.fromtimestamp(float(results["date"]), UTC).isoformat(timespec="seconds")
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        return ""
