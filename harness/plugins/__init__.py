"""The whole plugin surface: functions that a plugin may implement, each with ``@apigauge.harness.plugins.hookimpl``.

A plugin is a module that an installed package names in its entry-point group ``apigauge``:

    [project.entry-points.apigauge]
    my-plugin = "my_package.my_module"

It is imported at every start of the command line, so heavy libraries belong into the functions that need them. The
trainer with AI feedback (``rlaif``) is such a plugin.
"""

import argparse
from typing import Any

import pluggy

GROUP = "apigauge"
hookimpl = pluggy.HookimplMarker(GROUP)
_hookspec = pluggy.HookspecMarker(GROUP)


@_hookspec
def apigauge_commands(commands: "argparse._SubParsersAction[Any]") -> None:
    """Adds subcommands: parsers whose default ``function`` takes the parsed arguments and returns the exit code."""
