"""Collects what the hooks of plugins add to apigauge's tables, and checks it before anything uses it.

A row that is wrong is reported with its plugin and left out, as :mod:`~apigauge.harness.plugins.spec` says; the checks
are in :mod:`~apigauge.harness.plugins.checks`. :mod:`apigauge.extensions` calls this, once for each table.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping
from contextlib import redirect_stdout, suppress
from typing import Any

from apigauge.errors import PluginError
from apigauge.extensions import KINDS, Addition, Kind, added
from apigauge.harness.plugins import checks, manager
from apigauge.harness.plugins.faults import Plugin, isolated

is_loading = manager.is_loading


def collect(kind: Kind) -> dict[str, Addition]:
    """The rows that plugins add to a table, by name, in the order of the plugins."""
    plugins = manager.loaded()
    rows: dict[str, Addition] = {}
    for plugin, call in plugins.implementing(f"apigauge_{kind}"):
        with isolated(plugin, verbose=plugins.verbose):
            for name, value in list(_entries(kind, call())):
                with isolated(plugin, verbose=plugins.verbose):
                    rows[name] = _checked(kind, name, value, plugin, rows)
    return rows


def listing() -> list[dict[str, Any]]:
    """Every installed plugin: ``name``, ``package``, ``version``, ``loaded``, and by table the names that it adds."""
    plugins = manager.loaded()
    usable, commands = set(plugins.all()), _commands(plugins)
    rows = []
    for plugin, _ in manager.installed():
        package, _, version = plugin.distribution.partition(" ")
        about = {"name": plugin.name, "package": package, "version": version, "loaded": plugin in usable}
        adds: dict[str, list[str]] = {
            kind: [name for name, one in added(kind).items() if one.plugin == str(plugin)] for kind in KINDS
        }
        rows.append({**about, "commands": commands.get(plugin, []), **adds})
    return rows


def _commands(plugins: manager.Plugins) -> dict[Plugin, list[str]]:
    """The commands that each plugin adds; those that raise were reported when the command line was made."""
    names: dict[Plugin, list[str]] = {}
    for plugin, call in plugins.implementing("apigauge_commands"):
        commands = argparse.ArgumentParser().add_subparsers()
        with suppress(Exception, SystemExit), redirect_stdout(sys.stderr):
            call(commands=commands)
            names[plugin] = list(commands.choices)
    return names


def _entries(kind: Kind, results: list[Any]) -> Iterator[tuple[str, Any]]:
    """Name and value of each row.

    Args:
        kind: of the table.
        results: what the hook returned, in a list; pluggy leaves None out.

    Raises:
        PluginError: the hook returned something else.
    """
    for result in results:
        if kind == "metrics":
            from apigauge.harness.metrics.table import MetricInfo

            infos = list(result)
            if wrong := [info for info in infos if not isinstance(info, MetricInfo)]:
                raise PluginError(f"apigauge_metrics gives {str(wrong[0])[:60]!r}, and no MetricInfo")
            yield from ((info.name, info) for info in infos)
        elif isinstance(result, Mapping):
            yield from result.items()
        else:
            raise PluginError(f"apigauge_{kind} returned {type(result).__name__}, and no mapping of names")


def _checked(kind: Kind, name: str, value: Any, plugin: Plugin, rows: Mapping[str, Addition]) -> Addition:
    """A row.

    Raises:
        PluginError: it cannot be used, or its name is taken.
    """
    where = f"{kind.removesuffix('s')} {str(name)[:60]!r}"
    checks.check_name(kind, name, where)
    if name in rows:
        raise PluginError(f"{where}: {rows[name].plugin} has one of this name")
    return Addition(checks.CHECKS[kind](name, value, where), plugin.distribution, str(plugin))
