"""The optional fields of an item that say what its answer's program does, and where it runs."""

import ast
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from apigauge.errors import DataError

# Fields of an item that are no texts.
NOT_TEXT = ("output", "tolerance", "provenance")
# Sent to the sandbox with each program.
_LONGEST_TESTS = 200_000
_LONGEST_OUTPUT = 100_000


def checked(row: Mapping[str, Any], where: str, folder: Path) -> dict[str, Any]:
    """The attributes of an item for these fields of its row, where it has them.

    Args:
        row: with texts where the fields are texts.
        where: file and line, for messages.
        folder: the benchmark's.

    Raises:
        DataError: a field is damaged.
    """
    attributes: dict[str, Any] = {
        "tests": _tests(row, where),
        "output": _output(row, where),
        "environment": environment(row, where, folder),
        "provenance": _provenance(row, where),
    }
    if "tolerance" in row:
        attributes["tolerance"] = _tolerance(row, where)
    return {name: value for name, value in attributes.items() if value or name == "tolerance"}


def _tests(row: Mapping[str, Any], where: str) -> str:
    tests = str(row.get("tests", ""))
    if len(tests) > _LONGEST_TESTS:
        raise DataError(f"{where}: tests has {len(tests):,} characters, more than {_LONGEST_TESTS:,}; shorten it")
    try:
        ast.parse(tests)
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        line = f", line {error.lineno} of it" if isinstance(error, SyntaxError) and error.lineno else ""
        reason = error.msg if isinstance(error, SyntaxError) else str(error)
        raise DataError(f"{where}: tests is no Python program ({reason}{line}); correct it") from error
    if "tests" in row and not tests.strip():
        raise DataError(f"{where}: tests is empty, and would pass every answer; write some or leave it out")
    return tests


def _output(row: Mapping[str, Any], where: str) -> tuple[str, ...]:
    if "output" not in row:
        return ()
    output = row["output"]
    texts = output if isinstance(output, list) else [output]
    if not texts or not all(isinstance(text, str) for text in texts):
        raise DataError(
            f"{where}: output is {str(output)[:40]!r}, and no text or list of texts; write what is printed, in quotes"
        )
    if (longest := max(map(len, texts))) > _LONGEST_OUTPUT:
        raise DataError(f"{where}: output has {longest:,} characters, more than {_LONGEST_OUTPUT:,}; print less")
    return tuple(texts)


def _tolerance(row: Mapping[str, Any], where: str) -> float:
    tolerance = row["tolerance"]
    if isinstance(tolerance, bool) or not isinstance(tolerance, int | float) or not 0 <= tolerance < math.inf:
        raise DataError(f"{where}: tolerance is {str(tolerance)[:40]!r}, and no number from 0; write one like 0.001")
    if "output" not in row:
        raise DataError(f"{where}: tolerance is for numbers in output, and there is none; leave out tolerance")
    return float(tolerance)


def _provenance(row: Mapping[str, Any], where: str) -> dict[str, Any]:
    provenance = row.get("provenance", {})
    if not isinstance(provenance, dict):
        raise DataError(f"{where}: provenance is {str(provenance)[:40]!r}, and no object; write it in {{}}")
    return provenance


def environment(row: Mapping[str, Any], where: str, folder: Path) -> str:
    """An environment that a benchmark or an item names: the path of a folder in the benchmark, or the name as it is.

    Raises:
        DataError: it is a path, and no environment is there.
    """
    name = str(row.get("environment", ""))
    if not name:
        return ""
    inside = folder / name
    if (inside / "environment.json").is_file() and inside.resolve().is_relative_to(folder.resolve()):
        return str(inside)
    if inside.is_dir() or "/" in name or name.startswith("."):
        raise DataError(
            f"{where}: environment is {name!r}, and no folder of the benchmark with an environment.json; write the "
            "name of one of `apigauge environments`, or make the folder"
        )
    return name
