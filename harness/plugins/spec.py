"""The whole plugin surface: every hook that a plugin may implement, as a documented empty function.

A plugin is a module (or another object with functions) that an installed package names in its entry-point group
``apigauge``::

    [project.entry-points.apigauge]
    my-plugin = "my_package.my_module"

It implements hooks: functions with a hook's name, marked with ``@hookimpl`` (``from apigauge.harness.plugins import
hookimpl``), whose parameters have the hook's names. It may leave out parameters that it does not need. Names that
begin with ``apigauge_`` are reserved for hooks, so that a misspelt one is an error. The module is imported at every
start of the command line: import heavy libraries inside the functions that need them.

Order: apigauge's own plugins (``rlaif`` is one), then the others by distribution and name.

Faults: a plugin that cannot be imported, or whose functions are not hooks as below, is left out; so is what a hook
adds if it raises. One line on standard error names the plugin, its distribution, the place and the error; ``-v`` or
``APIGAUGE_VERBOSE=1`` adds the traceback. Other plugins, commands and exit codes are not affected.

To add a hook, add its function here and call it through :class:`apigauge.harness.plugins.manager.Plugins`.
"""

import argparse
from typing import Any

import pluggy

GROUP = "apigauge"
hookimpl = pluggy.HookimplMarker(GROUP)
_hookspec = pluggy.HookspecMarker(GROUP)

Commands = argparse._SubParsersAction  # noqa: SLF001 - argparse has no public name for it


@_hookspec
def apigauge_commands(commands: "Commands[Any]") -> None:
    """Adds subcommands of ``apigauge``.

    A command's parser, or each of its subparsers, has a default ``function``: it takes the parsed arguments and returns
    the exit code. An :class:`~apigauge.errors.ApigaugeError` that it raises is printed and decides the exit code; any
    other error is printed with the plugin's name, exit code 4. A command whose name is taken is left out.

    Args:
        commands: ``commands.add_parser(NAME, help=...)`` adds one, as with :mod:`argparse`.
    """
