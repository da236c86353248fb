"""Isolates the faults of a plugin, and reports them with its name."""

import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass

from apigauge.errors import PluginError


@dataclass(frozen=True, slots=True)
class Plugin:
    """Where a plugin comes from.

    Attributes:
        name: of the entry point.
        distribution: name and version of the package that has it.
        target: what the entry point names, ``MODULE`` or ``MODULE:OBJECT``.
    """

    name: str
    distribution: str
    target: str

    def __str__(self) -> str:
        return f"plugin {self.name!r} of {self.distribution}"

    @property
    def package(self) -> str:
        """The package whose code counts as the plugin's own."""
        module = self.target.partition(":")[0]
        return module.rpartition(".")[0] or module


@contextmanager
def isolated(plugin: Plugin, *, verbose: bool) -> Iterator[None]:
    """Reports what a plugin raises on standard error, and continues after the block.

    What the plugin prints goes to standard error too: a command's output may be JSON that a program reads.
    """
    try:
        with redirect_stdout(sys.stderr):
            yield
    except (Exception, SystemExit) as error:  # noqa: BLE001 - a plugin may raise anything
        print(f"apigauge: {plugin} is left out: {describe(plugin, error, verbose=verbose)}", file=sys.stderr)


def describe(plugin: Plugin, error: BaseException, *, verbose: bool) -> str:
    """An error as one line: its type, the first line of its message, and the place in the plugin's code.

    Args:
        plugin: who raised it.
        error: what was raised.
        verbose: whether to print the traceback, on standard error.
    """
    if isinstance(error, PluginError):
        return str(error)
    if verbose:
        traceback.print_exception(error)
    message = error.msg if isinstance(error, SyntaxError) else _text(error)
    first = next(iter(message.strip().splitlines()), "")
    hint = "" if verbose else "; APIGAUGE_VERBOSE=1 shows the traceback"
    return f"{type(error).__name__}{f': {first}' if first else ''} ({_place(plugin, error)}{hint})"


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - the error is the plugin's own class
        return ""


def _place(plugin: Plugin, error: BaseException) -> str:
    """The innermost line of the plugin's own code as FILE:LINE; the entry point if none of its code ran."""
    if isinstance(error, SyntaxError) and error.filename:
        return f"{error.filename}:{error.lineno}"
    place = f"entry point {plugin.target}"
    for frame, line in traceback.walk_tb(error.__traceback__):
        module = str(frame.f_globals.get("__name__"))
        if f"{module}.".startswith(f"{plugin.package}."):
            place = f"{frame.f_code.co_filename}:{line}"
    return place
