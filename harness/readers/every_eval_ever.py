"""Every Eval Ever: the samples of an evaluation (JSON lines), next to the evaluation's own file.

Written against the schemas 0.3.0. The evaluation's file, if it is there, says the direction; a question that
has several lines has several samples, in their order.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from apigauge.errors import RunError, UsageError, did_you_mean
from apigauge.harness.readers import files
from apigauge.harness.readers.types import Answer, Log, Options

# An evaluation's name and, since several metrics may have that, the identifier of its result.
_Result = tuple[str, str]
_OF_RUN = ("evaluation_id", "model_id")
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
    by_result: dict[_Result, list[Answer]] = {}
    repeats: Counter[tuple[_Result, str]] = Counter()
    first: dict[str, Any] = {}
    count = 0
    for number, row in files.rows(samples):
        where = f"{samples}, line {number}"
        if missing := sorted(_FIELDS - row.keys()):
            raise RunError(f"{where}: it has no {missing[0]}, so it is no sample of Every Eval Ever")
        first, count = first or {name: row.get(name) for name in _OF_RUN}, count + 1
        # A second run's lines would count as further samples of its questions.
        for name, value in first.items():
            if row.get(name) != value:
                raise RunError(
                    f"{where}: {name} is {files.short(row.get(name))}, and {files.short(value)} before; give "
                    "a file for each run"
                )
        result = files.plain(row["evaluation_name"]), files.plain(row.get("evaluation_result_id"))
        one = _answer(row, where, options)
        repeats[result, one.item] += 1
        by_result.setdefault(result, []).append(replace(one, sample=repeats[result, one.item] - 1))
    _check_whole(samples, about, count)
    task, result = _chosen(samples, by_result, options)
    return Log(
        "every-eval-ever",
        task,
        by_result[result],
        {"score": _is_lower(samples, about, result)},
        model=files.plain(first.get("model_id")),
    )


def _chosen(samples: Path, results: Iterable[_Result], options: Options) -> tuple[str, _Result]:
    """The one evaluation to read, and its name: that of the metric where several have the evaluation's."""
    counts = Counter(name for name, _ in results)
    names = {name if counts[name] == 1 else f"{name}: {identifier}": (name, identifier) for name, identifier in results}
    if options.task and options.task not in names:
        hint = did_you_mean(options.task, names)
        raise UsageError(f"--task {options.task}: {samples} has {', '.join(map(files.label, names))}{hint}")
    if len(names) > 1 and not options.task:
        listed = " or ".join(map(repr, names))
        raise UsageError(f"{samples}: it has several evaluations; name one: --task {listed}")
    task = options.task or next(iter(names))
    return task, names[task]


def _check_whole(samples: Path, about: dict[str, Any], count: int) -> None:
    """Raises RunError if the evaluation's own file tells of other samples."""
    details = about.get("detailed_evaluation_results")
    expected = details.get("total_rows") if isinstance(details, dict) else None
    if isinstance(expected, int) and expected != count:
        raise RunError(f"{samples}: it has {count} lines, and its evaluation is of {expected}; copy it again")


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


def _is_lower(samples: Path, about: dict[str, Any], result: _Result) -> bool | None:
    """The direction of a result: of the one with its identifier, else of the one with its name."""
    listed = about.get("evaluation_results")
    results = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    name, identifier = result
    matching = [one for one in results if identifier and one.get("evaluation_result_id") == identifier]
    matching = matching or [one for one in results if one.get("evaluation_name") == name]
    if len(matching) > 1:
        raise RunError(
            f"{samples}: {len(matching)} results are named {files.short(name)}, and its lines do not say which"
        )
    config = matching[0].get("metric_config") if matching else None
    value = config.get("lower_is_better") if isinstance(config, dict) else None
    return value if isinstance(value, bool) else None


def _answer(row: dict[str, Any], where: str, options: Options) -> Answer:
    evaluation, metadata, question, output = (
        part if isinstance(part := row.get(name), dict) else {}
        for name in ("evaluation", "metadata", "input", "output")
    )
    references, texts = question.get("reference"), output.get("raw")
    return Answer(
        item=files.field_of(row, "sample_id", where),
        sample=0,
        scores={} if row.get("error") else {"score": files.number(evaluation.get("score"), "score", where)},
        where=where,
        cluster=files.field_of(metadata, options.cluster, where) if options.cluster else "",
        question=files.plain(question.get("raw")) if options.has_texts else "",
        reference=", ".join(map(files.plain, references)) if options.has_texts and isinstance(references, list) else "",
        text="\n".join(map(files.plain, texts)) if options.has_texts and isinstance(texts, list) else "",
        identity=files.plain(row.get("sample_hash")),
    )
