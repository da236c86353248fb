"""Checkpoints of a training, written atomically: the last two and the best are kept.

Each is a folder ``step-NUMBER``, written under a hidden name and then renamed; before it is deleted, it is renamed to a
hidden name again. So a process killed at any moment leaves complete checkpoints, and hidden folders that the next start
deletes.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

from apigauge.errors import RunError
from apigauge.harness.evaluation import run_directory

FOLDER = "checkpoints"
_MANIFEST = "training.json"
_PROGRESS = "progress.json"
_LAST = 2


def save(folder: Path, step: int, reward: float, write: Callable[[Path], None]) -> None:
    """Writes a checkpoint and deletes those that are neither among the last two nor the best.

    Args:
        folder: of all checkpoints.
        step: number of completed steps.
        reward: mean reward since the previous checkpoint; the best checkpoint has the greatest.
        write: writes the checkpoint's files into a folder.
    """
    temporary = folder / f".step-{step:06d}.tmp"
    temporary.mkdir(parents=True)
    write(temporary)
    run_directory.write_json(temporary / _PROGRESS, {"step": step, "reward": reward})
    temporary.rename(folder / f"step-{step:06d}")
    saved = _all(folder)
    for old in set(saved) - {*saved[-_LAST:], best(folder)}:
        hidden = old.with_name(f".{old.name}.old")
        old.rename(hidden)
        shutil.rmtree(hidden)


def begin(out: Path, manifest: dict[str, Any]) -> Path | None:
    """Starts or resumes a training: writes its manifest, and returns its last checkpoint, None if it has none.

    Args:
        out: the training's folder.
        manifest: everything that decides the weights.

    Raises:
        RunError: the folder holds another training.
    """
    checkpoint = last(out / FOLDER)
    if checkpoint and (different := run_directory.differences(run_directory.read_json(out / _MANIFEST), manifest)):
        what = "; ".join(f"{name} was {old!r} and is {new!r}" for name, old, new in different)
        raise RunError(f"{out}: holds another training ({what}); choose another folder")
    run_directory.write_json(out / _MANIFEST, manifest)
    return checkpoint


def best(folder: Path) -> Path:
    """The checkpoint with the greatest reward, the first of several."""
    return max(_all(folder), key=lambda one: run_directory.read_json(one / _PROGRESS)["reward"])


def last(folder: Path) -> Path | None:
    """The last checkpoint; None if there is none. Deletes what a killed process left."""
    for torn in folder.glob(".step-*"):
        shutil.rmtree(torn)
    return next(reversed(_all(folder)), None)


def _all(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*"))
