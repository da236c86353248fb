"""How the tables are stored: ``tables.jsonl.xz``, one JSON object a line for each table, with its name in front.

All tables are in one file since they have much in common: two versions of a library, or the methods of its classes. It
is decompressed as far as a table is needed, once in a process. The tables of the environments come first, then those
libraries that programs name most.

In a library's line the numbers that follow from what stands before are left out. ``modules`` has the names of each
module in one text, separated by spaces: ``name`` has the entry that the same name had last in this table, or else the
next new one; ``name+`` the next new one; ``name=7`` the seventh; the names after a lone ``=`` have none (0).
``aliases`` has modules that are others by another name. ``entries`` has for a function the text of its parameters, for
a class a list of that text and the class's index, unless it is the one after the largest so far.
"""

import json
import lzma
import threading
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("tables.jsonl.xz")
# How much is decompressed at once, in bytes.
_AT_ONCE = 1 << 19
_FIRST = ("transformers", "torch")
_FILTERS = [
    {"id": lzma.FILTER_LZMA2, "preset": 9 | lzma.PRESET_EXTREME, "dict_size": 1 << 23, "lc": 4, "lp": 0, "pb": 0}
]


class Lines:
    """The lines of a file of tables by name, decompressed as far as they have been needed.

    Args:
        path: the file.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lines: dict[str, bytes] = {}
        self._rest = self._further()
        self._lock = threading.Lock()

    def __getitem__(self, name: str) -> bytes:
        """A table's line; ``KeyError`` if there is no such table."""
        with self._lock:
            while name not in self._lines and next(self._rest, None):
                pass
            return self._lines[name]

    def first(self) -> list[str]:
        """The names of the environments' tables."""
        with self._lock:
            while not any(map(is_library, self._lines)) and next(self._rest, None):
                pass
            return sorted(name for name in self._lines if not is_library(name))

    def all(self) -> dict[str, bytes]:
        """All lines, in the order of their names."""
        with self._lock:
            for _ in self._rest:
                pass
            return dict(sorted(self._lines.items()))

    def _further(self) -> Iterator[str]:
        # From memory: a file that stays open would be shared with processes that are forked meanwhile.
        decompressor = lzma.LZMADecompressor()
        data, text = self._path.read_bytes(), b""
        while not decompressor.eof:
            *complete, text = (text + decompressor.decompress(data, _AT_ONCE)).split(b"\n")
            data = b""
            for line in complete:
                name = line.split(b'"', 4)[3].decode()
                self._lines[name] = line
                yield name


@cache
def lines() -> Lines:
    """The lines of the tables that come with apigauge."""
    return Lines(FILE)


def is_library(name: str) -> bool:
    """Whether a table is that of a library's version, by its name, and not an environment's."""
    return "-listed-" in name


def read(name: str) -> dict[str, Any]:
    """A table by its name; ``KeyError`` if there is no such table."""
    return unpack(lines()[name])


def write(path: Path, tables: dict[str, dict[str, Any]]) -> None:
    """Writes the file of all tables, by name."""

    def rank(name: str) -> tuple[bool, int, str]:
        library = name.partition("-listed-")[0]
        return is_library(name), _FIRST.index(library) if library in _FIRST else len(_FIRST), name

    text = b"".join(pack(name, tables[name]) for name in sorted(tables, key=rank))
    path.write_bytes(lzma.compress(text, check=lzma.CHECK_CRC32, filters=_FILTERS))


def pack(name: str, table: dict[str, Any]) -> bytes:
    """A table's line, its end included; ``ValueError`` if it would be read as another table."""
    packed = table
    if is_library(name):
        modules = table["modules"]
        packed = table | {
            "aliases": {path: names for path, names in modules.items() if isinstance(names, str)},
            "modules": _pack_modules({path: modules[path] for path in sorted(modules)}),
            "entries": _pack_entries(table["entries"]),
        }
    rest = json.dumps(packed, sort_keys=True, separators=(",", ":"))
    line = f'{{"name":"{name}",{rest[1:]}\n'.encode()
    if unpack(line) != table:
        raise ValueError(f"the table {name} has what a line cannot say")
    return line


def unpack(line: bytes) -> dict[str, Any]:
    """The table that :func:`pack` made a line of."""
    table: dict[str, Any] = json.loads(line)
    if is_library(table.pop("name")):
        table["modules"] = _unpack_modules(table["modules"]) | table.pop("aliases")
        table["entries"] = _unpack_entries(table["entries"])
    return table


def _pack_modules(modules: dict[str, Any]) -> dict[str, str]:
    last: dict[str, int] = {}
    new = 1
    packed = {}
    for path, names in modules.items():
        if isinstance(names, str):
            continue
        words = []
        for name, number in sorted((name, number) for name, number in names.items() if number):
            is_implied = number == last.get(name, new)
            words.append(name if is_implied else f"{name}+" if number == new else f"{name}={number}")
            new += number == new
            last[name] = number
        without = sorted(name for name, number in names.items() if not number)
        packed[path] = " ".join([*words, "=", *without] if without else words)
    return packed


def _unpack_modules(packed: dict[str, str]) -> dict[str, Any]:
    last: dict[str, int] = {}
    new = 1
    modules: dict[str, Any] = {}
    for path, text in packed.items():
        numbered, _, without = f" {text} ".partition(" = ")
        names = {}
        for word in numbered.split():
            name, mark, number = word.partition("=")
            if mark:
                value = int(number)
            elif name[-1] == "+":
                name, value = name[:-1], new
            else:
                value = last.get(name, new)
            if value == new:
                new += 1
            names[name] = last[name] = value
        modules[path] = names | dict.fromkeys(without.split(), 0)
    return modules


def _pack_entries(entries: list[Any]) -> list[Any]:
    packed: list[Any] = []
    largest = -1
    for parameters, *of_class in entries[1:]:
        if not of_class:
            packed.append(parameters)
            continue
        packed.append([parameters, *(index for index in of_class if index != largest + 1)])
        largest = max(largest, *of_class)
    return packed


def _unpack_entries(packed: list[Any]) -> list[Any]:
    entries: list[Any] = [None]
    largest = -1
    for entry in packed:
        if isinstance(entry, str):
            entries.append([entry])
            continue
        index = entry[1] if len(entry) > 1 else largest + 1
        entries.append([entry[0], index])
        largest = max(largest, index)
    return entries
