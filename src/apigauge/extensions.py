"""What plugins add to apigauge's tables: benchmarks, metrics, backends, environments, labelers, exports.

A table that plugins may extend is a :class:`View` of its own rows and of :func:`added` ones. Nothing is loaded before a
row is looked up, so that a command that needs no table imports no plugin for it.

This module imports nothing of ours but :mod:`apigauge.errors`, so that every folder may use it; what finds the plugins
(``harness/plugins/additions.py``) stands above all tables and is imported by its name.
"""

from collections.abc import Callable, Iterator, Mapping
from importlib import import_module
from typing import Any, Literal, NamedTuple, TypeVar, get_args

from apigauge.errors import PluginError

Kind = Literal["benchmarks", "metrics", "backends", "environments", "labelers", "exports"]
KINDS: tuple[Kind, ...] = get_args(Kind)
_FINDER = "apigauge.harness.plugins.additions"
_Row = TypeVar("_Row")


class Addition(NamedTuple):
    """A row that a plugin adds to a table.

    Attributes:
        value: what the plugin's hook gives for the row's name, checked.
        package: name and version of the package that has the plugin.
        plugin: the plugin as messages name it.
    """

    value: Any
    package: str
    plugin: str

    def failure(self, where: str, error: Exception) -> PluginError:
        """What is raised for an error of the plugin's code, in a command that cannot do without it.

        Args:
            where: what used the plugin, such as ``--model acme``.
            error: what the plugin raised.
        """
        return PluginError(f"{where}: {self.plugin}: {type(error).__name__}: {error}")


class View(Mapping[str, _Row]):
    """A table as it is whenever it is looked at.

    Args:
        read: returns the rows.
    """

    def __init__(self, read: Callable[[], Mapping[str, _Row]]) -> None:
        self._read = read

    def __getitem__(self, name: str) -> _Row:
        return self._read()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())


_collected: dict[Kind, dict[str, Addition]] = {}
_under_way: set[Kind] = set()


def added(kind: Kind) -> Mapping[str, Addition]:
    """What the installed plugins add to a table, by name; faults are reported once, and left out.

    Args:
        kind: of the rows. While a plugin is asked for them, there are none: it cannot add to what it adds.
    """
    if kind not in _collected:
        finder = import_module(_FINDER)
        if kind in _under_way or finder.is_loading():
            return {}
        _under_way.add(kind)
        try:
            _collected[kind] = finder.collect(kind)
        finally:
            _under_way.remove(kind)
    return _collected[kind]


def listing() -> list[dict[str, Any]]:
    """Every installed plugin, with the names that it adds to each table: see ``apigauge plugins``."""
    rows: list[dict[str, Any]] = import_module(_FINDER).listing()
    return rows
