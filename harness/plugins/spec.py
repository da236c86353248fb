"""The whole plugin surface: every hook that a plugin may implement, as a documented empty function.

A plugin is a module (or another object with functions) that an installed package names in its entry-point group
``apigauge``::

    [project.entry-points.apigauge]
    my-plugin = "my_package.my_module"

It implements hooks: functions with a hook's name, marked with ``@hookimpl`` (``from apigauge.harness.plugins import
hookimpl``), whose parameters have the hook's names. It may leave out parameters that it does not need. Names that
begin with ``apigauge_`` are reserved for hooks, so that a misspelt one is an error. The module is imported at every
start of the command line: import heavy libraries inside the functions that need them. ``apigauge_commands`` is called
at every start too, every other hook once, when a command first looks into the table that the hook adds to. In the
processes that score answers no plugin is loaded, only the modules of its metrics.

Order: apigauge's own plugins (``rlaif`` is one), then the others by distribution and name. A name belongs to apigauge,
then to the first plugin in that order; what another adds under it is left out. Names are letters, digits, ``.``, ``_``
and ``-``; those of backends and environments are in small letters.

Faults: a plugin that cannot be imported, or whose functions are not hooks as below, is left out; so is what a hook
adds if it raises or returns something else than its annotation says, and a single row of what it adds if that row
alone is wrong. One line on standard error names the plugin, its distribution, the place and the error; ``-v`` or
``APIGAUGE_VERBOSE=1`` adds the traceback. Other plugins, commands and exit codes are not affected.

To add a hook, add its function here and call it through :class:`apigauge.harness.plugins.manager.Plugins`.
"""

import argparse
from collections.abc import Callable, Iterable, Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pluggy

if TYPE_CHECKING:
    from apigauge.benchmarks import Benchmark
    from apigauge.harness.generation.backends import Backend
    from apigauge.harness.metrics.table import MetricInfo
    from apigauge.harness.plugins.rlaif.labelers.types import Labeler

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


@_hookspec
def apigauge_benchmarks() -> "Mapping[str, PathLike[str] | Callable[[], Benchmark]]":  # type: ignore[empty-body]
    """Adds benchmarks: choices of ``--benchmark``, and what every other command takes by a benchmark's name.

    Returns:
        By name, a folder or an archive as in docs/how-to/benchmark.md, or a function that makes the benchmark. Either
        must have that name itself. A run records the package's version and, of a function, its package's code; the
        questions are copied into the run, so that it can be read when the package is gone.
    """


@_hookspec
def apigauge_metrics() -> "Iterable[MetricInfo]":  # type: ignore[empty-body]
    """Adds metrics, measured with all others wherever ``--metrics`` names none.

    Returns:
        The table's rows: name, meaning, caution, ``module``, and where they are not the default ``lower_is_better`` and
        ``top`` (values are from 0 to it). ``module`` is the full name of a module with ``make(benchmark)``, which
        returns a function of item and extraction that returns a
        :class:`~apigauge.harness.metrics.types.Scored`, and ``version()``, a text that names the libraries that the
        numbers depend on. The code of the whole package is digested into the version anyway. A metric with
        ``is_executed`` gets the sandbox's :class:`~apigauge.sandboxes.Verdict` of the program in the place of the
        extraction. A module may yield several metrics, of one kind. Where the function raises, or returns what is no
        score, the answer has the label ``scorer_error``. Modules are imported with the table.
    """


@_hookspec
def apigauge_backends() -> "Mapping[str, Backend]":  # type: ignore[empty-body]
    """Adds forms of ``--model``.

    Returns:
        By what stands before the colon, a :class:`~apigauge.harness.generation.backends.Backend`. Its ``module``, a
        full name, has ``open_generator(argument, options)``, which returns a
        :class:`~apigauge.harness.generation.types.Generator`; it is imported when it is used.
    """


@_hookspec
def apigauge_environments() -> "Mapping[str, PathLike[str]]":  # type: ignore[empty-body]
    """Adds what programs run with: choices of ``--environment``, and of a benchmark's ``environment``.

    Returns:
        By name, a folder with the files of those in ``sandboxes/environments``.
    """


@_hookspec
def apigauge_labelers() -> "Mapping[str, Callable[[Benchmark, str], Labeler]]":  # type: ignore[empty-body]
    """Adds labelers of ``rlaif``: values of a recipe's ``labeler``.

    Returns:
        By name, a function that opens the :class:`~apigauge.harness.plugins.rlaif.labelers.types.Labeler`, from the
        benchmark and what stands behind ``NAME:`` in the recipe, if anything does. The package's version and code are
        added to what the labeler says of itself.
    """


@_hookspec
def apigauge_exports() -> "Mapping[str, Callable[[Sequence[Any], Path], Path]]":  # type: ignore[empty-body]
    """Adds formats of ``apigauge report --export``.

    Returns:
        By name, a function that writes runs, each an ``apigauge.reports.views.RunView`` with its summary and the rows
        of its answers, into the folder of the report, and returns the path of what it wrote.
    """
