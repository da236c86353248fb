"""The leaderboard as a table for other programs: ``leaderboard.csv``, one row per run and metric."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from apigauge.errors import ApigaugeError
from apigauge.reports.build_cache import write_atomically
from apigauge.reports.file_names import run_pages
from apigauge.reports.formats.texts import cell
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
    "effective_clusters",
    "created",
    "page",
)
NUMBERS = frozenset({"value", "low", "high", "ceiling", "dollars", "effective_clusters"})
INTEGERS = frozenset({"n", "items", "expected", "clusters", "seed", "unfinished", "prompt_tokens", "completion_tokens"})


def write_csv(runs: Sequence[RunView], out: Path) -> Path:
    """Writes every number of the leaderboard that was measured here, in full precision.

    A text that a spreadsheet would take for a formula begins with an apostrophe.

    Args:
        runs: what to write, in this order.
        out: folder of ``leaderboard.csv``.

    Returns:
        Path of the file.

    Raises:
        ApigaugeError: the folder cannot be written, or holds another file of that name.
    """
    path = out / "leaderboard.csv"
    check_free(path, "table", ",".join(COLUMNS[:5]).encode())
    text = io.StringIO(newline="")
    table = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    table.writeheader()
    table.writerows({name: cell(value) for name, value in row.items()} for row in table_rows(runs))
    try:
        write_atomically(path, text.getvalue().encode())
    except OSError as error:
        raise ApigaugeError(f"{path}: cannot be written ({error}); choose another folder") from error
    return path


def table_rows(runs: Sequence[RunView]) -> list[dict[str, Any]]:
    """A row for each run and metric with at least :data:`COLUMNS`, as far as the run has them.

    ``page`` tells apart runs of the same name.
    """
    return [
        {
            "benchmark": run.benchmark,
            "run": run.name,
            "model": run.spec,
            "metric": metric,
            "items": run.summary.get("items"),
            "expected": run.summary.get("expected"),
            "ceiling": section(run.summary, "ceilings").get(metric),
            "created": run.manifest.get("created"),
            "page": f"runs/{page}.html",
            **section(run.summary, "usage"),
            **estimate,
        }
        for run, page in zip(runs, run_pages(runs), strict=True)
        for metric, estimate in section(run.summary, "metrics").items()
    ]
