"""Checkpoints of a training: whole or not there, the last two and the best.

Each is a folder ``step-NUMBER``, written under a hidden name and then renamed, and renamed again before it is deleted.
So killing the process at any instant leaves whole ones and hidden ones, which the next start clears away.
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
_KEPT = 2


def save(folder: Path, step: int, reward: float, write: Callable[[Path], None]) -> None:
    """Writes a checkpoint and deletes those that are neither among the last two nor the best.

    Args:
        folder: of all checkpoints.
        step: steps that were done.
        reward: mean reward since the checkpoint before; the best has the greatest.
        write: writes what a checkpoint holds into a folder.
    """
    temporary = folder / f".step-{step:06d}.tmp"
    temporary.mkdir(parents=True)
    write(temporary)
    run_directory.write_json(temporary / _PROGRESS, {"step": step, "reward": reward})
    temporary.rename(folder / f"step-{step:06d}")
    found = _all(folder)
    for old in set(found) - {*found[-_KEPT:], best(folder)}:
        hidden = old.with_name(f".{old.name}.old")
        old.rename(hidden)
        shutil.rmtree(hidden)


def begin(out: Path, manifest: dict[str, Any]) -> Path | None:
    """The last checkpoint of a training that goes on; None if it is a new one.

    Args:
        out: the training's folder, which gets the manifest.
        manifest: all that decides the weights.

    Raises:
        RunError: the folder holds another training.
    """
    found = last(out / FOLDER)
    if found and (different := run_directory.differences(run_directory.read_json(out / _MANIFEST), manifest)):
        what = "; ".join(f"{name} was {old!r} and is {new!r}" for name, old, new in different)
        raise RunError(f"{out}: holds another training ({what}); choose another folder")
    run_directory.write_json(out / _MANIFEST, manifest)
    return found


def best(folder: Path) -> Path:
    """The checkpoint with the greatest reward, the first of several."""
    return max(_all(folder), key=lambda one: run_directory.read_json(one / _PROGRESS)["reward"])


def last(folder: Path) -> Path | None:
    """The last checkpoint; None if there is none. Clears away what a killed process left."""
    for torn in folder.glob(".step-*"):
        shutil.rmtree(torn)
    return next(reversed(_all(folder)), None)


def _all(folder: Path) -> list[Path]:
    return sorted(folder.glob("step-*"))
