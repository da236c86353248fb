"""Every Eval Ever: the samples of an evaluation (JSON lines), next to the evaluation's own file.

Written against the schema of samples 0.2.1. The evaluation's file, if it is there, says the direction; a question that
has several lines has several samples, in their order.
"""

from collections import Counter
from pathlib import Path
from typing import Any

from apigauge.errors import RunError, UsageError, did_you_mean
from apigauge.harness.readers import files
from apigauge.harness.readers.types import Answer, Log, Options

_FIELDS = {"evaluation_id", "evaluation_name", "sample_id", "evaluation"}


def recognises(path: Path) -> bool:
    """JSON lines with the fields of samples, or the file of an evaluation."""
    if path.suffix == ".jsonl":
        return files.first_row(path).keys() >= _FIELDS
    if path.suffix != ".json":
        return False
    head = files.head(path)
    return '"schema_version"' in head[:2000] and '"evaluation_id"' in head and '"source_metadata"' in head


def read(path: Path, options: Options) -> Log:
    """Reads the samples of one evaluation."""
    samples, about = _files(path)
    repeats: Counter[str] = Counter()
    by_name: dict[str, list[Answer]] = {}
    first: dict[str, Any] = {}
    for number, row in files.rows(samples):
        where = f"{samples}, line {number}"
        if missing := sorted(_FIELDS - row.keys()):
            raise RunError(f"{where}: it has no {missing[0]}, so it is no sample of Every Eval Ever")
        first = first or row
        name = files.plain(row["evaluation_name"])
        by_name.setdefault(name, []).append(_answer(row, name, where, repeats, options))
    if options.task and options.task not in by_name:
        hint = did_you_mean(options.task, by_name)
        raise UsageError(f"--task {options.task}: {samples} has {', '.join(by_name)}{hint}")
    if len(by_name) > 1 and not options.task:
        raise UsageError(f"{samples}: it has several evaluations; name one: --task {' or '.join(by_name)}")
    task = options.task or next(iter(by_name))
    return Log(
        "every-eval-ever",
        task,
        by_name[task],
        {"score": _is_lower(about, task)},
        model=files.plain(first.get("model_id")),
    )


def _files(path: Path) -> tuple[Path, dict[str, Any]]:
    """The file of samples, and what the evaluation's own file says; empty if that is not there."""
    if path.suffix == ".jsonl":
        about = path.with_name(f"{path.stem.removesuffix('_samples')}.json")
        return path, files.document(about) if about.is_file() else {}
    content = files.document(path)
    details = content.get("detailed_evaluation_results")
    name = files.plain(details.get("file_path")) if isinstance(details, dict) else ""
    for samples in (path.with_name(Path(name).name or "none"), path.with_suffix(".jsonl")):
        if samples.is_file() and samples.suffix == ".jsonl":
            return samples, content
    raise RunError(
        f"{path}: it has means only; put the file of its samples next to it ({name or path.stem + '.jsonl'})"
    )


def _is_lower(about: dict[str, Any], task: str) -> bool | None:
    results = about.get("evaluation_results")
    for one in results if isinstance(results, list) else ():
        if isinstance(one, dict) and one.get("evaluation_name") == task:
            config = one.get("metric_config")
            value = config.get("lower_is_better") if isinstance(config, dict) else None
            return value if isinstance(value, bool) else None
    return None


def _answer(row: dict[str, Any], name: str, where: str, repeats: Counter[str], options: Options) -> Answer:
    item = files.field_of(row, "sample_id", where)
    key = f"{name}\n{item}"
    repeats[key] += 1
    evaluation, metadata = (row[part] if isinstance(row.get(part), dict) else {} for part in ("evaluation", "metadata"))
    question, output = (row[part] if isinstance(row.get(part), dict) else {} for part in ("input", "output"))
    texts = output.get("raw")
    return Answer(
        item=item,
        sample=repeats[key] - 1,
        scores={} if row.get("error") else {"score": files.number(evaluation.get("score"), "score", where)},
        where=where,
        cluster=files.field_of(metadata, options.cluster, where) if options.cluster else "",
        question=files.plain(question.get("raw")) if options.has_texts else "",
        reference=", ".join(map(files.plain, question.get("reference") or ())) if options.has_texts else "",
        text="\n".join(map(files.plain, texts)) if options.has_texts and isinstance(texts, list) else "",
        identity=files.plain(row.get("sample_hash")),
    )
