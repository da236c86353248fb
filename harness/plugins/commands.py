"""Adds the subcommands of plugins to the command line, so that none can replace or break other commands."""

import argparse
from collections.abc import Callable
from typing import Any

from apigauge.errors import ApigaugeError, PluginError
from apigauge.harness.plugins.faults import Plugin, describe, isolated
from apigauge.harness.plugins.manager import Plugins
from apigauge.harness.plugins.spec import Commands

Function = Callable[[argparse.Namespace], int]


def add(plugins: Plugins, commands: "Commands[Any]") -> None:
    """Adds what each plugin's ``apigauge_commands`` adds; faults are reported and left out.

    Each plugin adds to a separate list, and only commands with unused names are taken over from it. So a hook that
    raises half-way has added nothing, no plugin can change a built-in command, and the result does not depend on what
    argparse does about two commands of one name (older versions replace the first, newer ones raise).
    """
    for plugin, call in plugins.implementing("apigauge_commands"):
        with isolated(plugin, verbose=plugins.verbose):
            top = argparse.ArgumentParser(prog=commands._prog_prefix)  # noqa: SLF001 - see spec.Commands
            own = top.add_subparsers(prog=commands._prog_prefix, parser_class=commands._parser_class)  # noqa: SLF001
            call(commands=own)
            top.format_help()  # raises for a help text that argparse cannot format
            _take_over(plugin, own, commands, verbose=plugins.verbose)


def _take_over(plugin: Plugin, own: "Commands[Any]", commands: "Commands[Any]", *, verbose: bool) -> None:
    """Moves commands with unused names from a plugin's list to that of the command line."""
    names: dict[argparse.ArgumentParser, list[str]] = {}
    for name, parser in own.choices.items():
        names.setdefault(parser, []).append(name)
    help_lines = {line.dest: line for line in own._choices_actions}  # noqa: SLF001
    for parser, (name, *aliases) in names.items():
        taken = sorted({name, *aliases} & commands.choices.keys())
        with isolated(plugin, verbose=verbose):
            if taken:
                raise PluginError(f"there is already a command {taken[0]!r}")
            _guard(plugin, parser, verbose=verbose, default=_missing)
            commands.choices.update(dict.fromkeys([name, *aliases], parser))
            if name in help_lines:
                commands._choices_actions.append(help_lines[name])  # noqa: SLF001


def _guard(plugin: Plugin, parser: argparse.ArgumentParser, *, verbose: bool, default: Function | None = None) -> None:
    """Makes the errors of a command, and of its subcommands, name their plugin."""
    function = parser.get_default("function") or default
    if function:
        parser.set_defaults(function=_guarded(plugin, function, verbose=verbose))
    for action in parser._actions:  # noqa: SLF001
        if isinstance(action, Commands):
            for nested in set(action.choices.values()):
                _guard(plugin, nested, verbose=verbose)


def _guarded(plugin: Plugin, function: Function, *, verbose: bool) -> Function:
    def run(arguments: argparse.Namespace) -> int:
        try:
            code = function(arguments)
            if not isinstance(code, int):
                raise TypeError(f"the command returned {code!r}, not an exit code")  # noqa: TRY301 - reported as any
        except (ApigaugeError, BrokenPipeError):
            raise
        except Exception as error:
            raise PluginError(f"{plugin}: {describe(plugin, error, verbose=verbose)}") from error
        return code

    return run


def _missing(_: argparse.Namespace) -> int:
    raise TypeError("the command has no function; set_defaults(function=...) gives it one")
