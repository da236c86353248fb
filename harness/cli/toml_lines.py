"""On which line of a TOML file something stands, for messages; the standard library's reader does not say.

A file's first lines are read again and again, with one line more each time, until what is looked for is there. That is
slow for long files, and done for a message alone.
"""

import tomllib
from collections.abc import Sequence
from typing import Any


def line_of(text: str, path: Sequence[str | int], value: Any = None) -> int:
    """The number of the line, from 1, at which an entry begins; the file's last line if it is not there.

    Args:
        text: of the file, which can be read as TOML.
        path: keys, and places in arrays of tables, from 0: ``("matrix", "seed")``, ``("exclude", 1, "model")``.
        value: one of the entry's values, of a list of several lines; the first line that has it is the answer.
    """
    lines = text.splitlines()
    before = 0
    for number in range(1, len(lines) + 1):
        try:
            read = tomllib.loads("\n".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue
        if _has(read, path):
            return _first(lines, before, number, value)
        before = number
    return max(len(lines), 1)


def line_of_fault(text: str) -> int:
    """The number of the line, from 1, at which what cannot be read begins."""
    lines = text.splitlines()
    before = 0
    for number in range(1, len(lines) + 1):
        try:
            tomllib.loads("\n".join(lines[:number]))
        except tomllib.TOMLDecodeError:
            continue
        before = number
    return _first(lines, before, len(lines), None)


def _has(read: Any, path: Sequence[str | int]) -> bool:
    for part in path:
        try:
            read = read[part]
        except (KeyError, IndexError, TypeError):
            return False
    return True


def _first(lines: Sequence[str], before: int, number: int, value: Any) -> int:
    """The first line after ``before``, up to ``number``, that is no comment; or the first one that has the value."""
    own = [at for at in range(before, number) if lines[at].strip() and not lines[at].lstrip().startswith("#")]
    shown = str(value).lower() if isinstance(value, bool) else str(value)
    has_value = [at for at in own if value is not None and shown in lines[at]]
    return (has_value or own or [number - 1])[0] + 1
