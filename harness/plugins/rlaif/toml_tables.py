"""Makes dataclasses of a recipe's tables; a wrong key, type or value is named with its file and line."""

import math
import re
import types
from collections.abc import Mapping
from dataclasses import dataclass, fields, is_dataclass
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from apigauge.errors import UsageError, did_you_mean

_Table = TypeVar("_Table")
# TOML has no null: how a value is written that may be None.
NONE = "none"
_KINDS = {int: "a whole number", float: "a number", str: "a text", bool: "true or false", Path: "a path"}
_HEADER = re.compile(r"\s*\[\s*([\w.\-\"]+)\s*\]")
_KEY = re.compile(r"\s*[\"']?([\w-]+)[\"']?\s*[.=]")


@dataclass(frozen=True, slots=True)
class Source:
    """Where a recipe's text is from, to say on which line something stands.

    Attributes:
        name: of the file.
        text: its contents.
    """

    name: str
    text: str

    def error(self, message: str, table: str, key: str = "") -> UsageError:
        """An error about a key of a table; about the table itself without a key."""
        line = self._line(table, key) or self._line(table, "")
        return UsageError(f"{self.name}{f', line {line}' if line else ''}: {message}")

    def about(self, error: UsageError, table: str, keys: Mapping[str, Any]) -> UsageError:
        """An error of an option's check, with the line of the first key that its message names."""
        words = re.findall(r"\w+", str(error))
        return self.error(f"{f'[{table}] ' if table else ''}{error}", table, next((w for w in words if w in keys), ""))

    def _line(self, table: str, key: str) -> int | None:
        here = ""
        for number, line in enumerate(self.text.splitlines(), 1):
            if header := _HEADER.match(line):
                here = header[1]
                if here == table and not key:
                    return number
            elif (match := _KEY.match(line)) and key and (here, match[1]) in ((table, key), ("", table)):
                return number
        return None


def read_table(kind: type[_Table], table: Mapping[str, Any], source: Source, name: str = "") -> _Table:
    """A dataclass of a TOML table; missing keys have their defaults.

    Args:
        kind: the dataclass; a field ``seed`` cannot be set, since each training sets it.
        table: as read.
        source: the file.
        name: of the table; empty for the top level.

    Raises:
        UsageError: a key, a type or a value is wrong.
    """
    hints, values = get_type_hints(kind), {}
    names = [one.name for one in fields(kind) if one.name != "seed"]  # type: ignore[arg-type] # all are dataclasses
    for key, value in table.items():
        if key not in names:
            raise source.error(
                f"there is no {key!r}{did_you_mean(key, names)}; the names are: {', '.join(sorted(names))}", name, key
            )
        hint = hints[key]
        if isinstance(hint, type) and is_dataclass(hint):
            if not isinstance(value, dict):
                raise source.error(f"{key} is a table, not {value!r}", name, key)
            values[key] = read_table(hint, value, source, key)
        else:
            try:
                values[key] = _value(value, hint)
            except TypeError as error:
                raise source.error(f"{key} is {value!r}: must be {error}", name, key) from error
    try:
        return kind(**values)
    except UsageError as error:
        raise source.about(error, name, table) from error


def _value(value: Any, hint: Any) -> Any:
    """The value as its field's type.

    Raises:
        TypeError: it has another type; the message says which it must have.
    """
    if get_origin(hint) is types.UnionType:
        (kind,) = set(get_args(hint)) - {type(None)}
        if value == NONE:
            return None
        try:
            return _value(value, kind)
        except TypeError as error:
            raise TypeError(f'{error}, or "{NONE}"') from error
    if get_origin(hint) is tuple:
        if not isinstance(value, list):
            raise TypeError(f"a list; of each entry: {_KINDS[get_args(hint)[0]]}")
        return tuple(_value(one, get_args(hint)[0]) for one in value)
    if hint is float and type(value) in (int, float) and math.isfinite(value):
        return float(value)
    if hint is Path and isinstance(value, str):
        return Path(value)
    if hint is not float and type(value) is hint:
        return value
    raise TypeError(_KINDS[hint])
