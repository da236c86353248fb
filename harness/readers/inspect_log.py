"""Logs of inspect_ai, ``.eval`` and ``.json``, read by inspect_ai's own ``read_eval_log``: the files are its business.

Written against version 0.3.285. It checks every field of every sample, which takes minutes for 100,000; of a large log
in a version of the files that is known here, the fields that are needed are read without it.
"""

import contextlib
import json
import os
import re
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from apigauge.errors import ApigaugeError, RunError
from apigauge.harness.readers import files
from apigauge.harness.readers.types import Answer, Log, Options

if TYPE_CHECKING:
    from inspect_ai.log import EvalLog

# As inspect_ai.scorer.value_to_float.
_LETTERS = {"C": 1.0, "P": 0.5, "I": 0.0, "N": 0.0}
_WORDS = {"yes": 1.0, "true": 1.0, "no": 0.0, "false": 0.0}
_UNUSED = frozenset({"events", "events_data", "messages", "store", "attachments", "timelines"})
_CUT_OFF = ("max_tokens", "model_length")
_PARTS = {"id", "epoch", "input", "target", "output", "scores", "metadata"}
# So many samples are a large log; ``version`` of the files whose samples are read here then.
_MANY, _VERSION = 5000, 2
# Of the format of archives.
_ZSTANDARD, _ENCRYPTED = 93, 1
_SHORT = 200
_HEAD = re.compile(r'^\s*\{\s*"version":\s*\d+,\s*"status":\s*"')


def recognises(path: Path) -> bool:
    """A ``.eval`` archive, or a ``.json`` that begins as a log does."""
    if path.suffix == ".eval":
        return path.is_file()
    return path.suffix == ".json" and bool(_HEAD.match(files.head(path)))


def read(path: Path, options: Options) -> Log:
    """Reads a log."""
    log, samples = _open(path)
    evaluation = log.eval
    directions: dict[str, bool | None] = {}
    try:
        answers = [_answer(path, sample, directions, options) for sample in samples]
    except ApigaugeError:
        raise
    except Exception as error:  # also of what unpacks an archive
        raise _unreadable(path, error) from error
    if not answers:
        raise RunError(f"{path}: it has no samples (its status is {log.status!r}); run it with --log-samples")
    completed = log.results.completed_samples if log.results else 0
    if len(answers) < completed:
        raise RunError(f"{path}: it has {len(answers)} samples, and its results are of {completed}; copy it again")
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


def _open(path: Path) -> "tuple[EvalLog, Iterable[dict[str, Any]]]":
    """A log, and of each sample the parts that are needed."""
    try:
        from inspect_ai.log import read_eval_log
    except ImportError as error:
        raise RunError(
            f"{path}: a log of inspect_ai, which only inspect_ai reads: install it next to apigauge "
            f"(pip install inspect_ai), or write its scores into a CSV file ({error})"
        ) from error
    if path.suffix == ".json":
        content = files.document(path)  # says where it is cut off
    elif not zipfile.is_zipfile(path):
        raise RunError(f"{path}: not a whole .eval archive; it was cut off, or is still being written")
    try:
        log = read_eval_log(str(path), header_only=True)
        if log.version == _VERSION and log.results and log.results.total_samples > _MANY:
            return log, _of_archive(path) if path.suffix == ".eval" else content.get("samples") or ()
        # Of a .json no field can be left out.
        log = read_eval_log(str(path), exclude_fields=None if path.suffix == ".json" else set(_UNUSED))
    except Exception as error:
        raise _unreadable(path, error) from error
    return log, (sample.model_dump(include=_PARTS) for sample in log.samples or ())


def _unreadable(path: Path, error: Exception) -> RunError:
    return RunError(f"{path}: inspect_ai cannot read it ({type(error).__name__}: {files.reason(error)})")


def _of_archive(path: Path) -> Iterator[dict[str, Any]]:
    """The samples of an archive as they are in it, one after the other."""
    with contextlib.suppress(ImportError):  # Python 3.14 needs no more than its own zipfile
        import zipfile_zstd  # noqa: F401
    with zipfile.ZipFile(path) as archive, path.open("rb") as file:
        for entry in archive.infolist():
            if entry.filename.startswith("samples/"):
                yield json.loads(_content(archive, entry, file))


def _content(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, file: BinaryIO) -> bytes:
    """One file of an archive, for which zipfile's streams, made for files of any size, take four times as long."""
    if entry.compress_type != _ZSTANDARD or entry.flag_bits & _ENCRYPTED:
        return archive.read(entry)
    file.seek(entry.header_offset)
    name, extra = struct.unpack("<26x2H", file.read(30))
    file.seek(name + extra, os.SEEK_CUR)
    content = _decompress(file.read(entry.compress_size), entry.file_size)
    if zlib.crc32(content) != entry.CRC:
        raise zipfile.BadZipFile(f"bad CRC-32 for file {entry.filename!r}")
    return content


def _decompress(content: bytes, size: int) -> bytes:
    if sys.version_info >= (3, 14):
        from compression import zstd

        return zstd.decompress(content)
    from zstandard import ZstdDecompressor  # which inspect_ai needs as well

    whole: bytes = ZstdDecompressor().decompress(content, max_output_size=size)
    return whole


def _answer(path: Path, sample: dict[str, Any], directions: dict[str, bool | None], options: Options) -> Answer:
    where = f"{path}, sample {files.short(sample['id'])} epoch {sample['epoch']}"
    scores = {}
    for name, value in _values(sample):
        number, is_graded = _number(value)
        if number is None:
            raise RunError(
                f"{where}: {files.label(name)} is {files.short(value)}, which inspect_ai does not count either"
            )
        scores[name] = files.number(number, name, where)
        directions[name] = False if is_graded and directions.get(name, False) is False else None
    output = sample.get("output") or {}
    choices = output.get("choices") or []
    target = _target(sample["target"])
    return Answer(
        item=str(sample["id"]),
        sample=files.count(sample["epoch"] - 1, "epoch", where),
        scores=scores,
        where=where,
        cluster=files.field_of(sample.get("metadata") or {}, options.cluster, where) if options.cluster else "",
        question=_question(sample["input"]) if options.has_texts else "",
        reference=target if options.has_texts else "",
        text=files.plain(output.get("completion")) if options.has_texts else "",
        identity=target[:_SHORT],
        is_cut_off=bool(choices) and choices[0].get("stop_reason") in _CUT_OFF if output else None,
    )


def _values(sample: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each score of a sample by its name; a scorer that returns several has one for each entry."""
    for name, score in (sample.get("scores") or {}).items():
        value = score["value"]
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
    return "\n\n".join(f"{message['role']}: {_text(message['content'])}" for message in value)


def _text(content: Any) -> str:
    """The text of a message, whose parts may be images as well."""
    if isinstance(content, str):
        return content
    return "\n".join(part["text"] for part in content if part["type"] == "text")


def _target(value: str | list[str]) -> str:
    return value if isinstance(value, str) else "\n".join(value)
