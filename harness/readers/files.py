"""Files of other harnesses, read with messages that name the file and the line."""

import contextlib
import gc
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from apigauge.errors import RunError, UsageError, did_you_mean

_HEAD = 65536
# No harness repeats a question as often; what is larger was damaged.
_LARGEST = 10**9


@contextlib.contextmanager
def uncollected() -> Iterator[None]:
    """Without the garbage collector, whose every pass goes through all samples read so far; none is in a cycle."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def head(path: Path) -> str:
    """The beginning of a file as text; empty if it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(_HEAD).decode("utf-8", "replace").removeprefix("\ufeff")
    except OSError:
        return ""


def first_row(path: Path) -> dict[str, Any]:
    """The first line of a JSON-lines file; empty if it is no object, or longer than the beginning that is read."""
    try:
        row = json.loads(head(path).lstrip().split("\n", 1)[0])
    except (ValueError, RecursionError):
        return {}
    return row if isinstance(row, dict) else {}


def text_of(path: Path) -> str:
    """A file's text, without a byte-order mark.

    Raises:
        RunError: it cannot be read, or is not in UTF-8.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror})") from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise RunError(f"{path}, line {line}: not UTF-8 ({error.reason}); save it in UTF-8") from error


def rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of each line of a JSON-lines file; empty lines do not count.

    Raises:
        RunError: a line is no JSON object, or there is none.
    """
    is_empty = True
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                text = line.removeprefix(b"\xef\xbb\xbf") if number == 1 else line
                if text.strip():
                    is_empty = False
                    yield number, _row(path, number, text)
    except OSError as error:
        raise RunError(f"{path}: cannot be read ({error.strerror})") from error
    if is_empty:
        raise RunError(f"{path}: it is empty")


def _row(path: Path, number: int, line: bytes) -> dict[str, Any]:
    try:
        row = json.loads(line.decode("utf-8"), object_pairs_hook=_object)
    except UnicodeDecodeError as error:
        raise RunError(f"{path}, line {number}: not UTF-8 ({error.reason}); save it in UTF-8") from error
    except (ValueError, RecursionError) as error:
        cut = "" if line.endswith(b"\n") else " The file ends there: it was cut off; copy it again."
        raise RunError(f"{path}, line {number}: not JSON ({error}).{cut}") from error
    if not isinstance(row, dict):
        raise RunError(f"{path}, line {number}: a JSON object was expected, and not {line.strip()[:40].decode()!r}")
    return row


def document(path: Path) -> dict[str, Any]:
    """The JSON object that a file is.

    Raises:
        RunError: it is none.
    """
    text = text_of(path)
    try:
        value = json.loads(text, object_pairs_hook=_object)
    except json.JSONDecodeError as error:
        is_cut = error.pos >= len(text.rstrip()) or not text.rstrip().endswith("}")
        cut = " The file ends there: it was cut off; copy it again." if is_cut else ""
        raise RunError(f"{path}, line {error.lineno}: not JSON ({error.msg}).{cut}") from error
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path}: not JSON ({error})") from error
    if not isinstance(value, dict):
        raise RunError(f"{path}: a JSON object was expected")
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object whose names are all different: of two values Python would keep the last."""
    value = dict(pairs)
    if len(value) < len(pairs):
        name = next(name for number, (name, _) in enumerate(pairs) if name in dict(pairs[:number]))
        raise ValueError(f"{short(name)} stands there twice in one object")
    return value


def short(value: object) -> str:
    """A value in a message: on one line, quoted, cut off behind 40 characters."""
    return repr(str(value)[:40])


def label(name: str) -> str:
    """A field's or a metric's name in a message: as it is, unless it is long or cannot be printed."""
    return name if len(name) <= 80 and name.isprintable() else short(name)


def reason(error: Exception) -> str:
    """What another library says of a damaged file, which may quote it: one line of what can be printed."""
    return "".join(one if one.isprintable() else "?" for one in " ".join(str(error).split()))[:200]


def count(value: object, name: str, where: str) -> int:
    """A whole number from 0.

    Raises:
        RunError: it is none.
    """
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < _LARGEST and value == int(value):
        return int(value)
    raise RunError(f"{where}: {name} is {short(value)}, and not a whole number from 0")


def number(value: object, name: str, where: str) -> float:
    """A score; true and false are 1 and 0.

    Raises:
        RunError: it is no finite number.
    """
    if isinstance(value, int | float):
        try:
            score = float(value)
        except OverflowError:
            score = math.inf
        if math.isfinite(score):
            return score
    raise RunError(f"{where}: {label(name)} is {short(value)}, and not a finite number")


def field_of(row: Mapping[str, Any], name: str, where: str) -> str:
    """The value of a field as text, such as a cluster's name.

    Args:
        row: an object.
        name: of the field; dots lead into objects inside.
        where: the file and line.

    Raises:
        UsageError: the object does not have it.
        RunError: it has no plain value.
    """
    value: Any = row
    for part in [name] if name in row else name.split("."):
        if not isinstance(value, Mapping) or part not in value:
            names = [str(key) for key in row]
            shown = ", ".join(map(label, names[:12]))
            raise UsageError(f"{where}: there is no {name!r}; the fields are {shown}{did_you_mean(name, names)}")
        value = value[part]
    is_finite = not isinstance(value, float) or math.isfinite(value)
    if value is None or isinstance(value, dict | list) or value == "" or not is_finite:
        raise RunError(f"{where}: {name} is {short(value)}, and not a text or a number")
    return str(value)


def plain(value: object) -> str:
    """Anything as text: texts as they are, everything else as JSON; nothing for None."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
