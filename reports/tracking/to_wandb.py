"""``report --export wandb``: runs into Weights & Biases; offline, into the report's folder, by default."""

import os
import shutil
from collections.abc import Sequence
from pathlib import Path

from apigauge.reports.tracking.record import tracked
from apigauge.reports.views import RunView


def export(runs: Sequence[RunView], out: Path) -> Path:
    """Writes runs, each into the project named after its benchmark; a run that is there is updated.

    ``WANDB_MODE=online`` sends them to the user's server. Nothing but the runs is sent: no console, code, statistics of
    the machine or reports of errors.

    Returns:
        The folder; ``wandb sync`` sends what it holds.
    """
    os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
    import wandb

    mode = os.environ.get("WANDB_MODE") or "offline"
    folder = out / "wandb"
    settings = wandb.Settings(
        silent=True,
        console="off",
        disable_code=True,
        disable_git=True,
        save_code=False,
        x_disable_stats=True,
        x_disable_meta=True,
        x_disable_machine_info=True,
        x_save_requirements=False,
    )
    out.mkdir(parents=True, exist_ok=True)
    for run in map(tracked, runs):
        # An offline run cannot be written to again: what an earlier export left is replaced.
        for earlier in folder.glob(f"offline-run-*-{run.identity}") if mode == "offline" else ():
            shutil.rmtree(earlier)
        with wandb.init(
            project=run.project,
            id=run.identity,
            name=run.name,
            resume="allow",
            mode=mode,
            dir=str(out),
            config={"manifest": run.parameters, "notes": run.notes},
            settings=settings,
        ) as current:
            current.summary.update(run.metrics)
    return folder
