"""What a row must be that a plugin adds to one of apigauge's tables, and which names are taken."""

import math
import re
from collections.abc import Callable, Collection
from importlib import import_module
from os import PathLike
from pathlib import Path
from typing import Any

from apigauge.errors import PluginError, SandboxError
from apigauge.extensions import Kind

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_SMALL = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


def check_name(kind: Kind, name: object, where: str) -> None:
    """Checks a row's name.

    Raises:
        PluginError: it is no name, or apigauge has a row of that name itself.
    """
    form = _SMALL if kind in ("backends", "environments") else _NAME
    if not isinstance(name, str) or not form.fullmatch(name):
        kinds = "small letters" if form is _SMALL else "letters"
        raise PluginError(f"{where}: this is no name; write {kinds}, digits, '.', '_' and '-'")
    if name in _taken(kind):
        raise PluginError(f"{where}: apigauge has one of this name")


def _taken(kind: Kind) -> Collection[str]:
    """The names in the table as it comes with apigauge."""
    if kind == "benchmarks":
        from apigauge.benchmarks import own_names

        return own_names()
    if kind == "metrics":
        from apigauge.harness.metrics.table import METRICS, OWN_MODULES

        return {*OWN_MODULES, *(info.name for info in METRICS)}
    if kind == "backends":
        from apigauge.harness.generation.backends import OWN as OWN_BACKENDS

        return OWN_BACKENDS
    if kind == "environments":
        from apigauge.sandboxes import environments

        return environments.OWN
    if kind == "labelers":
        from apigauge.harness.plugins.rlaif.labelers.registry import OWN as OWN_LABELERS

        return OWN_LABELERS
    from apigauge.harness.cli.report import OWN as OWN_EXPORTS

    return OWN_EXPORTS


def _benchmark(_: str, value: Any, where: str) -> Any:
    """A path, or a function."""
    if callable(value):
        return value
    return _path(value, where)


def _path(value: Any, where: str) -> Path:
    if not isinstance(value, str | PathLike):
        raise PluginError(f"{where}: {type(value).__name__} is no path")
    path = Path(value)
    if not path.exists():
        raise PluginError(f"{where}: {path} does not exist")
    return path


def _metric(_: str, value: Any, where: str) -> Any:
    """The row, once its module is imported."""
    from apigauge.harness.metrics.table import OWN_MODULES

    for field in ("meaning", "caution", "module"):
        if not isinstance(getattr(value, field), str) or not getattr(value, field):
            raise PluginError(f"{where}: {field} is {getattr(value, field)!r}, and no text")
    if not isinstance(value.lower_is_better, bool) or not isinstance(value.is_executed, bool):
        raise PluginError(f"{where}: lower_is_better and is_executed are True or False")
    top = value.top
    if isinstance(top, bool) or not isinstance(top, int | float) or not 0 < top < math.inf:
        raise PluginError(f"{where}: top is {top!r}, and no number above 0")
    if value.name.endswith(".consistency") or ".pass@" in value.name:
        raise PluginError(f"{where}: names that end like this are what the gate calls several answers' scores")
    if value.module in OWN_MODULES:
        raise PluginError(f"{where}: apigauge has a module {value.module!r}; write the full name of your own")
    module = import_module(value.module)
    for function in ("make", "version"):
        if not callable(getattr(module, function, None)):
            raise PluginError(f"{where}: its module {value.module} has no function {function}")
    return value


def _backend(_: str, value: Any, where: str) -> Any:
    from apigauge.harness.generation.backends import Backend

    if not isinstance(value, Backend) or not all(isinstance(text, str) for text in (value.form, value.module)):
        raise PluginError(f"{where}: {type(value).__name__} is no Backend")
    return value


def _environment(_: str, value: Any, where: str) -> Path:
    """The folder, once it can be read."""
    from apigauge.sandboxes import environments

    folder = _path(value, where)
    try:
        environments.read(folder)
    except SandboxError as error:
        raise PluginError(f"{where}: {error}") from error
    if missing := [name for name in ("Dockerfile", "lock.txt") if not (folder / name).is_file()]:
        raise PluginError(f"{where}: {folder} has no {missing[0]}")
    return folder


def _function(_: str, value: Any, where: str) -> Any:
    if not callable(value):
        raise PluginError(f"{where}: {type(value).__name__} is no function")
    return value


# By table: takes a row's name, its value and how messages name it, and returns the value that the table gets.
CHECKS: dict[Kind, Callable[[str, Any, str], Any]] = {
    "benchmarks": _benchmark,
    "metrics": _metric,
    "backends": _backend,
    "environments": _environment,
    "labelers": _function,
    "exports": _function,
}
