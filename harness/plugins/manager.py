"""Finds the plugins that are installed."""

import sys

import pluggy

from apigauge.harness import plugins


def load() -> pluggy.PluginManager:
    """All plugins. One that cannot be imported is told, and does not keep the command line from working."""
    manager = pluggy.PluginManager(plugins.GROUP)
    manager.add_hookspecs(plugins)
    try:
        manager.load_setuptools_entrypoints(plugins.GROUP)
    except Exception as error:  # noqa: BLE001 - a stranger's module may raise anything
        print(f"apigauge: a plugin cannot be loaded: {error}", file=sys.stderr)
    return manager
