"""The leaderboard as a table for other programs: ``leaderboard.csv``, one row per run and metric."""

import csv
from collections.abc import Sequence
from pathlib import Path

from apigauge.errors import ApigaugeError
from apigauge.reports.pages import check_free
from apigauge.reports.views import RunView, section

COLUMNS = (
    "benchmark",
    "run",
    "model",
    "metric",
    "value",
    "low",
    "high",
    "ceiling",
    "n",
    "items",
    "expected",
    "clusters",
    "method",
    "seed",
    "unfinished",
    "prompt_tokens",
    "completion_tokens",
    "dollars",
)


def write_csv(runs: Sequence[RunView], out: Path) -> Path:
    """Writes every number of the leaderboard that was measured here, in full precision.

    Args:
        runs: what to write, in this order.
        out: folder of ``leaderboard.csv``.

    Returns:
        Path of the file.

    Raises:
        ApigaugeError: the folder cannot be written, or holds another file of that name.
    """
    rows = [
        {
            "benchmark": run.benchmark,
            "run": run.name,
            "model": run.spec,
            "metric": metric,
            "items": run.summary.get("items"),
            "expected": run.summary.get("expected"),
            "ceiling": section(run.summary, "ceilings").get(metric),
            **section(run.summary, "usage"),
            **estimate,
        }
        for run in runs
        for metric, estimate in section(run.summary, "metrics").items()
    ]
    path = out / "leaderboard.csv"
    check_free(path, "table", ",".join(COLUMNS[:5]).encode())
    try:
        with path.open("w", encoding="utf-8", newline="") as file:
            table = csv.DictWriter(file, COLUMNS, extrasaction="ignore", lineterminator="\n")
            table.writeheader()
            table.writerows(rows)
    except OSError as error:
        raise ApigaugeError(f"{path}: cannot be written ({error}); choose another folder") from error
    return path
