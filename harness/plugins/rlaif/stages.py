"""Stages that run once, and again only when something that they depend on has changed."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from apigauge.harness.evaluation import run_directory

FILE = "stage.json"


def once(folder: Path, inputs: Mapping[str, Any], make: Callable[[], None], *, resumes: bool = False) -> bool:
    """Fills a folder, unless it already holds the result for the same inputs.

    Args:
        folder: of this stage only.
        inputs: everything that the result depends on, as JSON values.
        make: fills the folder.
        resumes: whether ``make`` continues from what an interrupted call with the same inputs left in the folder;
            otherwise the folder is emptied first.

    Returns:
        Whether ``make`` was called.

    Raises:
        RunError: another process is working on this folder.
    """
    # As it is read back: tuples become lists.
    current = json.loads(json.dumps(inputs, default=str))
    with run_directory.writing(folder.with_name(f".{folder.name}.stage")):
        previous = run_directory.read_json(folder / FILE) if (folder / FILE).exists() else {}
        if previous == {"inputs": current, "done": True}:
            return False
        if not (resumes and previous.get("inputs") == current):
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        run_directory.write_json(folder / FILE, {"inputs": current, "done": False})
        make()
        run_directory.write_json(folder / FILE, {"inputs": current, "done": True})
        return True
