"""``report --export trackio``: runs into trackio; into the report's folder unless the user names another place."""

import contextlib
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from apigauge.reports.tracking.record import tracked
from apigauge.reports.views import RunView


def export(runs: Sequence[RunView], out: Path) -> Path:
    """Writes runs, each into the project named after its benchmark; a run that is there is replaced.

    ``TRACKIO_DIR``, ``TRACKIO_SPACE_ID`` and ``TRACKIO_SERVER_URL`` name another place, as in trackio itself. There, on
    a Space or a server, an earlier export of the run stays.

    Returns:
        The folder that ``TRACKIO_DIR`` must name for ``trackio show``.
    """
    folder = Path(os.environ.setdefault("TRACKIO_DIR", str(out.resolve() / "trackio")))
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    with contextlib.redirect_stdout(sys.stderr):  # it prints; standard output is the report's
        import trackio

        for run in map(tracked, runs):
            name = f"{run.name}-{run.identity[:8]}"
            with contextlib.suppress(ValueError):  # no such project yet
                for earlier in trackio.Api().runs(run.project):
                    if earlier.name == name:
                        earlier.delete()
            trackio.init(
                project=run.project,
                name=name,
                config={**run.parameters, **run.notes},
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
            trackio.log(run.metrics)
            trackio.finish()
    return folder
