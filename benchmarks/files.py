"""Finds and reads a benchmark's files."""

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from apigauge.errors import DataError


def search_path(data_dir: Path | None) -> list[Path]:
    """The folders to search, in order: only the given one, or ``$APIGAUGE_DATA`` and then the user's cache."""
    if data_dir is not None:
        return [data_dir]
    folders = []
    if os.environ.get("APIGAUGE_DATA"):
        folders.append(Path(os.environ["APIGAUGE_DATA"]))
    return [*folders, cache_dir()]


def cache_dir() -> Path:
    """The folder into which ``benchmarks fetch`` downloads by default."""
    import platformdirs

    return Path(platformdirs.user_cache_dir("apigauge", appauthor=False)) / "gorilla"


def find(name: str, data_dir: Path | None, benchmark: str) -> Path:
    """The first file of that name on the search path.

    Raises:
        DataError: there is none; the message says which file, which folders were searched, and how to get it.
    """
    import logging

    folders = search_path(data_dir)
    for folder in folders:
        if (folder / name).is_file():
            logging.getLogger(__name__).debug("%s: %s", benchmark, folder / name)
            return folder / name
    raise DataError(
        f"{benchmark}: {name} was not found in {', '.join(str(f) for f in folders)}. "
        f"Run `apigauge benchmarks fetch {benchmark}`, or set APIGAUGE_DATA (or --data-dir) to a folder that has it."
    )


def read_rows(path: Path, remedy: str = "fetch the file again") -> list[dict[str, Any]]:
    """The rows of a JSON-lines file.

    Args:
        path: of the file.
        remedy: what to do about a damaged line, for the message.

    Raises:
        DataError: a line is no JSON object; the message names the file and the line.
    """
    return [row for _, row in iterate_rows(path, remedy)]


def iterate_rows(path: Path, remedy: str = "fetch the file again") -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a JSON-lines file, each with the number of its line; one is in memory at a time.

    Args and errors are those of :func:`read_rows`.
    """
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if not line.strip():
                continue
            try:
                row = json.loads(line.removesuffix(b"\n"))
            except (ValueError, RecursionError) as error:
                raise DataError(f"{path}, line {number}: not JSON ({error}); {remedy}.") from error
            if not isinstance(row, dict):
                raise DataError(f"{path}, line {number}: a JSON object was expected; {remedy}.")
            yield number, row


def named_files_digest(paths: Iterable[Path]) -> str:
    """SHA-256 over the files in the order given: for each its name and the SHA-256 of its content.

    Only the name, not the folder, so that the same data has the same digest in every data folder. Manifests contain the
    value, so the rule never changes.
    """
    digest = hashlib.sha256()
    for path in paths:
        digest.update(f"{path.name}\0".encode())
        with path.open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()
