"""Logs of inspect_ai, ``.eval`` and ``.json``, read by inspect_ai's own ``read_eval_log``: the files are its business.

Written against version 0.3.285.
"""

import re
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.errors import RunError
from apigauge.harness.readers import files
from apigauge.harness.readers.types import Answer, Log, Options

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog, EvalSample, EvalSampleSummary

# As inspect_ai.scorer.value_to_float.
_LETTERS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
_WORDS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_UNUSED = frozenset({"events", "events_data", "messages", "store", "attachments", "timelines"})
_CUT_OFF = ("max_tokens", "model_length")
# From so many samples on, scores are read from summaries, whose texts are cut off behind about a thousand signs.
_MANY, _SHORT = 5000, 200
_HEAD = re.compile(r'^\s*\{\s*"version":\s*\d+,\s*"status":\s*"')


def recognises(path: Path) -> bool:
    """A ``.eval`` archive, or a ``.json`` that begins as a log does."""
    if path.suffix == ".eval":
        return path.is_file()
    return path.suffix == ".json" and bool(_HEAD.match(files.head(path)))


def read(path: Path, options: Options) -> Log:
    """Reads a log; a large archive without texts by its summaries, which is several times as fast."""
    log, samples = _open(path, options)
    evaluation = log.eval
    if not samples:
        raise RunError(f"{path}: it has no samples (its status is {log.status!r}); run it with --log-samples")
    directions: dict[str, bool | None] = {}
    answers = [_answer(path, sample, directions, options) for sample in samples]
    settings = evaluation.model_generate_config.model_dump(exclude_none=True)
    return Log(
        harness="inspect",
        task=evaluation.task,
        answers=answers,
        lower_is_better=directions,
        harness_version=files.plain(evaluation.packages.get("inspect_ai")),
        task_version=files.plain(evaluation.task_version),
        model=evaluation.model,
        settings=settings | {f"task {name}": value for name, value in evaluation.task_args_passed.items()},
        created=files.plain(evaluation.created),
    )


def _open(path: Path, options: Options) -> "tuple[EvalLog, Sequence[EvalSample | EvalSampleSummary]]":
    """A log, and its samples or their summaries."""
    try:
        from inspect_ai.log import read_eval_log, read_eval_log_sample_summaries
    except ImportError as error:
        raise RunError(
            f"{path}: a log of inspect_ai, which only inspect_ai reads: install it next to apigauge "
            f"(pip install inspect_ai), or write its scores into a CSV file ({error})"
        ) from error
    if path.suffix == ".json":
        files.document(path)  # says where it is cut off
    elif not zipfile.is_zipfile(path):
        raise RunError(f"{path}: not a whole .eval archive; it was cut off, or is still being written")
    try:
        head = read_eval_log(str(path), header_only=True)
        if not options.has_texts and head.results and head.results.total_samples > _MANY:
            return head, read_eval_log_sample_summaries(str(path))
        # Of a .json no field can be left out.
        log = read_eval_log(str(path), exclude_fields=None if path.suffix == ".json" else set(_UNUSED))
    except Exception as error:
        raise RunError(f"{path}: inspect_ai cannot read it ({type(error).__name__}: {files.reason(error)})") from error
    return log, log.samples or []


def _answer(
    path: Path, sample: "EvalSample | EvalSampleSummary", directions: dict[str, bool | None], options: Options
) -> Answer:
    where = f"{path}, sample {sample.id!r} epoch {sample.epoch}"
    scores = {}
    for name, value in _values(sample):
        number, is_graded = _number(value)
        if number is None:
            raise RunError(
                f"{where}: {files.label(name)} is {files.short(value)}, which inspect_ai does not count either"
            )
        scores[name] = files.number(number, name, where)
        directions[name] = False if is_graded and directions.get(name, False) is False else None
    metadata = sample.metadata or {}
    output = getattr(sample, "output", None)  # summaries have none
    return Answer(
        item=str(sample.id),
        sample=sample.epoch - 1,
        scores=scores,
        where=where,
        cluster=files.field_of(metadata, options.cluster, where) if options.cluster else "",
        question=_question(sample.input) if options.has_texts else "",
        reference=_target(sample.target) if options.has_texts else "",
        text=output.completion if output and options.has_texts else "",
        identity=_target(sample.target)[:_SHORT],
        is_cut_off=bool(output.choices) and output.choices[0].stop_reason in _CUT_OFF if output else None,
    )


def _values(sample: "EvalSample | EvalSampleSummary") -> Iterator[tuple[str, Any]]:
    """Each score of a sample by its name; a scorer that returns several has one for each entry."""
    for name, score in (sample.scores or {}).items():
        value = score.value
        if isinstance(value, Mapping):
            yield from ((f"{name}.{entry}", one) for entry, one in value.items() if one is not None)
        elif isinstance(value, list):
            yield from ((f"{name}.{number}", one) for number, one in enumerate(value))
        else:
            yield name, value


def _number(value: object) -> tuple[float | None, bool]:
    """A score as a number, and whether it is a grade, of which large ones are good."""
    if isinstance(value, bool):
        return float(value), True
    if isinstance(value, int | float):
        return float(value), False
    text = str(value)
    if text in _LETTERS:
        return _LETTERS[text], True
    if text.lower() in _WORDS:
        return _WORDS[text.lower()], True
    try:
        return float(text), False
    except ValueError:
        return None, False


def _question(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "\n\n".join(f"{message.role}: {message.text}" for message in value)


def _target(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "\n".join(value)
