"""Hostile text made harmless: names, answers and messages as each format may hold them."""

import hashlib
import itertools
import json
import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from apigauge.errors import ApigaugeError
from apigauge.reports import unseen
from apigauge.reports.build_cache import write_atomically
from apigauge.reports.pages import check_free

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_MARKDOWN = re.compile(r"[\\`*_{}\[\]()<>#+!|~$^=-]")
_LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "$": r"\$",
    "&": r"\&",
    "#": r"\#",
    "%": r"\%",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "-": r"{-}",
    "'": r"{'}",
    "`": r"{`}",
    "[": "{[}",
    "]": "{]}",
}
LONGEST = 200


def plain(text: str) -> str:
    r"""Text that UTF-8 can hold: a lone surrogate is spelled out, as ``\ud800``."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


def one_line(text: str) -> str:
    """Text for readers: on one line, what cannot be seen spelled out, at most :data:`LONGEST` characters."""
    named = unseen.plain(" ".join(text[: 4 * LONGEST].split()))
    return named if len(named) <= LONGEST and len(text) <= 4 * LONGEST else f"{named[: LONGEST - 1]}\u2026"


def cell(value: Any) -> Any:
    """A cell of a table for spreadsheets: a text that would be read as a formula begins with an apostrophe."""
    if not isinstance(value, str):
        return value
    return plain(f"'{value}" if value.lstrip(" ").startswith(_FORMULA) else value)


def markdown(text: str) -> str:
    """Text that Markdown shows as it is: no mark-up, link, mention or new cell."""
    escaped = _MARKDOWN.sub(r"\\\g<0>", one_line(text).replace("&", "&amp;"))
    inert = escaped.replace("@", "&#64;").replace("://", "&#58;//")
    return re.sub(r"(?i)(www)\.", r"\1&#46;", inert)


def latex(text: str) -> str:
    """Text that LaTeX sets as it is."""
    return "".join(_LATEX.get(character, character) for character in one_line(text))


def yaml(text: str) -> str:
    """A double-quoted scalar of YAML 1.2 in ASCII, which is the same text in every reader."""
    parts = [json.dumps(c)[1:-1] if ord(c) < 0x10000 else f"\\U{ord(c):08X}" for c in text]
    return f'"{"".join(parts)}"'.replace("\x7f", "\\x7f")


def write(path: Path, text: str) -> Path:
    """Writes UTF-8, making the folder; a file there is replaced if it begins as this one does.

    Raises:
        ApigaugeError: it cannot be written, or another file is there.
    """
    content = plain(text).encode()
    check_free(path, "export", content[:12])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, content)
    except OSError as error:
        raise ApigaugeError(f"{path}: cannot be written ({error}); choose another folder") from error
    return path


def write_lines(path: Path, lines: Iterable[str]) -> tuple[int, str]:
    """Writes ASCII lines one by one, as :func:`write` does, for files of any size.

    Returns:
        How many lines there are, and the SHA-256 of the file.

    Raises:
        ApigaugeError: it cannot be written, or another file is there.
    """
    number, digest = 0, hashlib.sha256()
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    lines = iter(lines)
    first = next(lines, "")
    check_free(path, "export", first[:12].encode())
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            for line in itertools.chain([first] if first else [], lines):
                number += 1
                content = line.encode("ascii")
                digest.update(content)
                file.write(content)
        temporary.replace(path)
    except OSError as error:
        raise ApigaugeError(f"{path}: cannot be written ({error}); choose another folder") from error
    finally:
        temporary.unlink(missing_ok=True)
    return number, digest.hexdigest()
