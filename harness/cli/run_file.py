"""``apigauge run FILE``: a command's options from a TOML file. The command line wins over the file.

::

    benchmark = ["mini", "apibench-torchhub"]
    model = "hf:./checkpoint"
    max-new-tokens = 256
    no-cache = true
"""

import argparse
import tomllib
from collections.abc import Collection
from pathlib import Path
from typing import Any

from apigauge.errors import UsageError, did_you_mean
from apigauge.harness.cli.options import GIVEN, count, port, positive, workers


def add_file(parser: argparse.ArgumentParser) -> None:
    """``FILE``."""
    parser.add_argument(
        "file",
        nargs="?",
        type=Path,
        metavar="FILE",
        help="options as TOML, by their long names (max-new-tokens = 256, no-cache = true, benchmark = [...]); stands "
        "before all options; the command line wins over it; paths in it are relative to the current directory, as on "
        "the command line",
    )


def apply_file(parser: argparse.ArgumentParser, arguments: argparse.Namespace) -> None:
    """Sets every option of the file that the command line leaves out.

    Raises:
        UsageError: the file cannot be read, or has an unknown option or a value of the wrong type.
    """
    if arguments.file is None:
        return
    actions = options_of(parser, ("help", "log-format"))
    given: set[str] = getattr(arguments, GIVEN, set())
    for key, value in _read(arguments.file).items():
        action = actions.get(key.replace("_", "-"))
        if action is None:
            raise UsageError(f"{arguments.file}: {key}: {parser.prog} has no such option{did_you_mean(key, actions)}")
        checked = converted(arguments.file, key, action, value)
        if action.dest not in given and not (action.nargs == 0 and getattr(arguments, action.dest)):
            setattr(arguments, action.dest, checked)


def options_of(parser: argparse.ArgumentParser, without: Collection[str]) -> dict[str, argparse.Action]:
    """The options of a command by long name, in the order of ``--help``, without some."""
    return {
        option.removeprefix("--"): action
        for action in parser._actions  # noqa: SLF001 - argparse lists its options nowhere else
        for option in action.option_strings
        if option.startswith("--") and option.removeprefix("--") not in without
    }


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise UsageError(f"{file}: there is no such file of options (a benchmark is named by --benchmark)") from error
    except (OSError, ValueError, RecursionError) as error:
        raise UsageError(f"{file}: cannot be read as TOML: {error}") from error


def converted(where: Path | str, key: str, action: argparse.Action, value: Any) -> Any:
    """A value of a file as the command line would have it.

    Raises:
        UsageError: it has the wrong type or is none of the choices; the message begins with ``where``.
    """
    if action.nargs == 0:
        if not isinstance(value, bool) or action.const is not True:
            raise _wrong(where, key, "true or false" if action.const is True else "the command line only", value)
        return value
    if action.nargs is None:
        return _scalar(where, key, action, value)
    values = value if isinstance(value, list) else [value]
    if not values or (isinstance(action.nargs, int) and len(values) != action.nargs):
        count = action.nargs if isinstance(action.nargs, int) else "one or more"
        raise _wrong(where, key, f"a list of {count}", value)
    return [_scalar(where, key, action, one) for one in values]


def _scalar(where: Path | str, key: str, action: argparse.Action, value: Any) -> Any:
    """One value, checked as argparse checks it: by its type, which is text unless the option says otherwise."""
    converts: Any = action.type or str
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if converts is float:
        is_right, kind = is_number, "a number"
    elif converts in (int, positive, count, port) or (converts is workers and value != "auto"):
        is_right, kind = is_number and isinstance(value, int), "a whole number"
    else:
        is_right, kind = isinstance(value, str), "text"
    if not is_right:
        raise _wrong(where, key, kind, value)
    try:
        parsed = converts(value if isinstance(value, str) else str(value))
    except (argparse.ArgumentTypeError, ValueError) as error:
        raise UsageError(f"{where}: {key} = {value}: {error}") from error
    if action.choices is not None and parsed not in action.choices:
        names = [str(choice) for choice in action.choices]
        raise UsageError(f"{where}: {key}: {value!r} is none of {', '.join(names)}{did_you_mean(str(value), names)}")
    return parsed


def _wrong(where: Path | str, key: str, kind: str, value: Any) -> UsageError:
    return UsageError(f"{where}: {key}: expected {kind}, not {value!r}")
