"""Stages that are done once: again only where something they depend on is another."""

import hashlib
import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from apigauge.harness.evaluation import run_directory

_FILE = "stage.json"


def once(folder: Path, inputs: Mapping[str, Any], make: Callable[[], None], *, resumes: bool = False) -> bool:
    """Makes what belongs into a folder, unless it is there, made of the same inputs.

    Args:
        folder: of the stage alone.
        inputs: all that the result depends on, fit for JSON.
        make: fills the folder.
        resumes: whether ``make`` goes on with what it finds there from a start with the same inputs.

    Returns:
        Whether anything was done.

    Raises:
        RunError: another process is at it.
    """
    # As it is read back: tuples are lists there.
    asked = json.loads(json.dumps(inputs, default=str))
    with run_directory.writing(folder.with_name(f".{folder.name}.stage")):
        known = run_directory.read_json(folder / _FILE) if (folder / _FILE).exists() else {}
        if known == {"inputs": asked, "done": True}:
            return False
        if not (resumes and known.get("inputs") == asked):
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        run_directory.write_json(folder / _FILE, {"inputs": asked, "done": False})
        make()
        run_directory.write_json(folder / _FILE, {"inputs": asked, "done": True})
        return True


def digest(folder: Path) -> str:
    """SHA-256 over the names and contents of a folder's files, the stage's own file left out."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.name != _FILE:
            found.update(f"{path.relative_to(folder).as_posix()}\0".encode())
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()
