"""``sweep.toml``: what varies, as the cells of a matrix, each with the options of ``apigauge run``.

::

    out = "sweeps/first"
    temperature = 0.7

    [matrix]
    benchmark = ["mini"]
    model = ["hf:gpt2", "hf:./checkpoint"]
    seed = [0, 1, 2]

    [[exclude]]
    model = "hf:gpt2"
    seed = [1, 2]
"""

import argparse
import itertools
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, NamedTuple

from apigauge.errors import UsageError, did_you_mean
from apigauge.harness.cli import run
from apigauge.harness.cli.options import Parser
from apigauge.harness.cli.run_file import converted, options_of
from apigauge.harness.cli.sweep_names import names_of
from apigauge.harness.cli.toml_lines import line_of, line_of_fault

TABLES = ("matrix", "exclude", "include")
# Options of `run` that neither a cell nor a sweep's file has.
_COMMAND_LINE = ("help", "dry-run", "json", "profile")
# What `run` does without an option whose default is None.
_EFFECTIVE = {"reasoning": "strip", "sandbox": "auto", "hub": "stand-in"}


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of a sweep.

    Attributes:
        name: of its folder.
        options: of ``apigauge run``, by long name, as the file has them, but for those that are the default.
        arguments: the same for the command's functions, without ``out``.
    """

    name: str
    options: Mapping[str, Any]
    arguments: argparse.Namespace

    @property
    def benchmark(self) -> str:
        """The name of its benchmark."""
        return str(self.arguments.benchmark[0])

    @property
    def model(self) -> str:
        """Its ``--model``."""
        return str(self.arguments.model[0])


class Plan(NamedTuple):
    """A sweep's file: options of the sweep as a whole, by long name, its axes, and its cells."""

    general: dict[str, Any]
    axes: dict[str, list[Any]]
    cells: list[Cell]


def read(file: Path, own: Mapping[str, argparse.Action]) -> Plan:
    """The plan in a file.

    Args:
        file: the file.
        own: the options of ``apigauge sweep``, by long name.

    Raises:
        UsageError: it cannot be read, or a key, type or value is wrong; the message names its line.
    """
    return _File(file, own).plan()


class _File:
    """A file that is being read and checked."""

    def __init__(self, file: Path, own: Mapping[str, argparse.Action]) -> None:
        self._file, self._own = file, own
        self._text, self._content = _read(file)
        parser = Parser(prog="apigauge run")
        run.declare(parser)
        self._defaults = parser.parse_args([])
        self._actions = options_of(parser, (*_COMMAND_LINE, *own))

    def plan(self) -> Plan:
        """What the file says."""
        general: dict[str, Any] = {}
        shared: dict[str, Any] = {}
        for key, value in self._content.items():
            if key in TABLES:
                continue
            if (name := _dashed(key)) in self._own:
                general[name] = converted(self._at(key, value=value), key, self._own[name], value)
            else:
                shared[self._option((key,))] = self._checked((key,), value)
        axes = self._axes(shared)
        cells = self._included(self._kept(axes), axes, shared)
        if not cells:
            raise UsageError(f"{self._at('exclude')}: no cell is left")
        pair = {name: shared[name] for name in ("benchmark", "model") if name in shared}
        names = names_of([pair | cell for cell in cells], list(self._actions), vars(self._defaults) | _EFFECTIVE)
        return Plan(general, axes, [self._cell(name, shared | cell) for name, cell in zip(names, cells, strict=True)])

    def _axes(self, shared: Mapping[str, Any]) -> dict[str, list[Any]]:
        """The axes and their values."""
        matrix = self._content.get("matrix", {})
        if not isinstance(matrix, dict):
            raise UsageError(f"{self._at('matrix')}: matrix: expected a table, not {matrix!r}")
        axes: dict[str, list[Any]] = {}
        for key, values in matrix.items():
            name = self._option(("matrix", key))
            if name in shared:
                raise UsageError(f"{self._at('matrix', key)}: {key} stands above [matrix] as well; leave one out")
            if not isinstance(values, list) or not values:
                raise UsageError(f"{self._at('matrix', key)}: {key}: expected a list of values, not {values!r}")
            axes[name] = [self._checked(("matrix", key), value) for value in values]
            if twice := [value for place, value in enumerate(axes[name]) if value in axes[name][:place]]:
                raise UsageError(f"{self._at('matrix', key, value=twice[0])}: {key}: {twice[0]!r} stands twice")
        return axes

    def _kept(self, axes: Mapping[str, list[Any]]) -> list[dict[str, Any]]:
        """The combinations of the axes' values that no exclusion names."""
        cells = [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())] if axes else []
        for number, key, entry in self._entries("exclude"):
            patterns: dict[str, list[Any]] = {}
            for name, value in entry.items():
                axis = self._option((key, number, name))
                if axis not in axes:
                    hint = did_you_mean(axis, axes)
                    raise UsageError(f"{self._at(key, number, name)}: exclude: {name} is no axis of [matrix]{hint}")
                patterns[axis] = value if isinstance(value, list) and value not in axes[axis] else [value]
                for pattern in patterns[axis]:
                    if not any(_matches(one, pattern) for one in axes[axis]):
                        texts = [str(one) for one in axes[axis]]
                        raise UsageError(
                            f"{self._at(key, number, name, value=pattern)}: exclude: {name}: {pattern!r} is none of "
                            f"{', '.join(texts)}{did_you_mean(str(pattern), texts)}"
                        )
            cells = [
                cell
                for cell in cells
                if not all(any(_matches(cell[axis], one) for one in values) for axis, values in patterns.items())
            ]
        return cells

    def _included(
        self, cells: list[dict[str, Any]], axes: Mapping[str, list[Any]], shared: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        """The cells with what the inclusions add to them, and those that are inclusions alone."""
        own: list[dict[str, Any]] = []
        for number, key, entry in self._entries("include"):
            options = {
                self._option((key, number, name)): self._checked((key, number, name), value)
                for name, value in entry.items()
            }
            matching = [cell for cell in cells if all(cell[name] == options[name] for name in options.keys() & axes)]
            for cell in matching:
                cell.update(options)
            if not matching:
                own.append(options)
        cells = [*cells, *own] if axes or own else [{}]
        for cell in cells:
            if lacking := [name for name in ("benchmark", "model") if not (cell.get(name) or shared.get(name))]:
                of = f" of the cell {cell}" if cell else ""
                raise UsageError(f"{self._file}: {' and '.join(lacking)}{of} is missing: give it above or in [matrix]")
        return cells

    def _entries(self, key: str) -> Iterator[tuple[int, str, dict[str, Any]]]:
        """The tables of an array of tables, numbered."""
        tables = self._content.get(key, [])
        if not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
            raise UsageError(f"{self._at(key)}: {key}: expected tables, each under [[{key}]]")
        for number, table in enumerate(tables):
            if not table:
                raise UsageError(f"{self._at(key, number)}: {key}: names nothing")
            yield number, key, table

    def _cell(self, name: str, options: Mapping[str, Any]) -> Cell:
        arguments = argparse.Namespace(**vars(self._defaults))
        for option, value in options.items():
            setattr(arguments, self._actions[option].dest, converted(self._file, option, self._actions[option], value))
        arguments.json = True  # nothing is printed; the result goes into the sweep's table
        defaults = vars(self._defaults) | _EFFECTIVE
        own = {option: v for option, v in options.items() if v != defaults[self._actions[option].dest]}
        return Cell(name, own, arguments)

    def _option(self, path: Sequence[str | int]) -> str:
        """The long name of the option that a key names."""
        key = str(path[-1])
        name = _dashed(key)
        if name in self._actions:
            return name
        if name in self._own:
            raise UsageError(f"{self._at(*path)}: {key} is of the sweep as a whole: write it above [matrix]")
        if name in _COMMAND_LINE:
            raise UsageError(f"{self._at(*path)}: {key} belongs to the command line: `apigauge sweep FILE --{name}`")
        hint = did_you_mean(name, (*self._actions, *self._own, *TABLES))
        raise UsageError(f"{self._at(*path)}: {key}: apigauge run has no such option{hint}")

    def _checked(self, path: Sequence[str | int], value: Any) -> Any:
        """A value of an option of a cell, if it is one."""
        name = self._option(path)
        where = self._at(*path, value=value)
        values = converted(where, str(path[-1]), self._actions[name], value)
        if name in ("benchmark", "model"):
            if len(values) != 1:
                raise UsageError(f"{where}: {name}: a cell has one; several are a list in [matrix]")
            _check_name(where, name, values[0])
            return values[0]
        if name == "environment" and "," in values:
            raise UsageError(f"{where}: environment: several are a list in [matrix], not separated by commas")
        return value

    def _at(self, *path: str | int, value: Any = None) -> str:
        """The file and the line of an entry."""
        return f"{self._file}, line {line_of(self._text, path, value)}"


def _check_name(where: str, option: str, text: str) -> None:
    """Refuses a form of ``--model``, or a benchmark, that does not exist."""
    from apigauge.benchmarks import load_benchmark, names
    from apigauge.harness.generation.backends import split_spec

    try:
        if option == "model":
            split_spec(text)
        elif text not in names():
            load_benchmark(text)
    except UsageError as error:
        raise UsageError(f"{where}: {error}") from error


def _read(file: Path) -> tuple[str, dict[str, Any]]:
    text = ""
    try:
        text = file.read_text(encoding="utf-8")
        return text, tomllib.loads(text)
    except FileNotFoundError as error:
        raise UsageError(f"{file}: there is no such file; docs/how-to/sweep.md shows one") from error
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{file}, line {line_of_fault(text)}: cannot be read as TOML: {error}") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file}: cannot be read as TOML: {error}") from error


def _dashed(key: str) -> str:
    return key.replace("_", "-")


def _matches(value: Any, pattern: Any) -> bool:
    """Whether a value is meant by an exclusion's: the same, of the same type, or a text that fits the pattern."""
    if isinstance(value, str) and isinstance(pattern, str):
        return value == pattern or fnmatchcase(value, pattern)
    return bool(value == pattern) and isinstance(value, bool) == isinstance(pattern, bool)
