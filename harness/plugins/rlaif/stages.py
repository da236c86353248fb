"""Stages that run once, and again only when something that they depend on has changed and the user allows it."""

import json
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from apigauge.errors import RunError
from apigauge.harness.evaluation import run_directory

FILE = "stage.json"


def once(
    folder: Path,
    inputs: Mapping[str, Any],
    make: Callable[[], object],
    *,
    resumes: bool = False,
    overwrites: bool = True,
) -> bool:
    """Fills a folder, unless it already holds the result for the same inputs.

    Args:
        folder: of this stage only.
        inputs: everything that the result depends on, as JSON values.
        make: fills the folder.
        resumes: whether ``make`` continues from what an interrupted call with the same inputs left in the folder;
            otherwise the folder is emptied first.
        overwrites: whether the result for other inputs, or the beginning of one, may be deleted.

    Returns:
        Whether ``make`` was called.

    Raises:
        RunError: another process is working on this folder; or it holds what must not be deleted.
    """
    # As it is read back: tuples become lists.
    current = json.loads(json.dumps(inputs, default=str))
    with run_directory.writing(folder.with_name(f".{folder.name}.stage")):
        previous = run_directory.read_json(folder / FILE) if (folder / FILE).exists() else {}
        if previous == {"inputs": current, "done": True}:
            return False
        if previous and not overwrites and previous["inputs"] != current:
            different = run_directory.differences(previous["inputs"], current)
            what = "; ".join(f"{name} was {old!r:.80} and is {new!r:.80}" for name, old, new in different)
            raise RunError(
                f"{folder}: made with other settings ({what}). Give the recipe another out to keep it, or --overwrite "
                "to delete it and what was made from it"
            )
        if not (resumes and previous.get("inputs") == current):
            shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True, exist_ok=True)
        run_directory.write_json(folder / FILE, {"inputs": current, "done": False})
        make()
        run_directory.write_json(folder / FILE, {"inputs": current, "done": True})
        return True
