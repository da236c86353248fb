"""``report --export mlflow``: runs into MLflow; into ``mlflow.db`` of the report unless the user names a store."""

import os
import re
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from apigauge.reports.tracking.record import Tracked, tracked
from apigauge.reports.views import RunView

if TYPE_CHECKING:
    from mlflow import MlflowClient

_IDENTITY = "apigauge.run"
# MLflow's limits: entries of one call, and the characters of a parameter and a tag.
_ENTRIES, _LONGEST = 100, 5000


def export(runs: Sequence[RunView], out: Path) -> Path:
    """Writes runs, each into the experiment named after its benchmark; a run that is there is updated.

    Returns:
        The database, or the folder of the report if ``MLFLOW_TRACKING_URI`` names another store.
    """
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    from mlflow import MlflowClient

    named = os.environ.get("MLFLOW_TRACKING_URI")
    database = out.resolve() / "mlflow.db"
    client = MlflowClient(tracking_uri=named or f"sqlite:///{database}")
    artifacts = None if named else (out.resolve() / "mlflow-artifacts").as_uri()
    for run in runs:
        _write(client, tracked(run), artifacts)
    return out if named else database


def _write(client: "MlflowClient", run: Tracked, artifacts: str | None) -> None:
    from mlflow.entities import Metric, Param, RunTag

    experiment = client.get_experiment_by_name(run.project)
    number = experiment.experiment_id if experiment else client.create_experiment(run.project, artifacts)
    parameters = {_name(name): value[:_LONGEST] for name, value in run.parameters.items()}
    metrics = {_name(name): value for name, value in run.metrics.items()}
    earlier = client.search_runs([number], f"tags.`{_IDENTITY}` = '{run.identity}'")
    current = None
    for one in earlier:
        # Parameters cannot be changed, and metrics not be taken away.
        if current is None and one.data.params == parameters and one.data.metrics.keys() == metrics.keys():
            current = one
        else:
            client.delete_run(one.info.run_id)
    if current is None:
        start = int(run.created * 1000) or None
        current = client.create_run(number, start, {_IDENTITY: run.identity}, run.name)
        for part in _parts(parameters):
            client.log_batch(current.info.run_id, params=[Param(*entry) for entry in part])
    changed = {name: value for name, value in metrics.items() if current.data.metrics.get(name) != value}
    now = int(time.time() * 1000)
    for part in _parts(changed):
        client.log_batch(current.info.run_id, metrics=[Metric(name, value, now, 0) for name, value in part])
    for part in _parts({_name(name): value[:_LONGEST] for name, value in run.notes.items()}):
        client.log_batch(current.info.run_id, tags=[RunTag(*entry) for entry in part])
    client.set_terminated(current.info.run_id)


def _name(name: str) -> str:
    """A name that MLflow takes."""
    return re.sub(r"[^\w. /-]", "_", name, flags=re.ASCII)


def _parts(entries: Mapping[str, Any]) -> Iterator[list[tuple[str, Any]]]:
    """The entries, as many at a time as one call takes."""
    pairs = list(entries.items())
    for start in range(0, len(pairs), _ENTRIES):
        yield pairs[start : start + _ENTRIES]
