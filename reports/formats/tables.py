"""The leaderboard for programs: JSON with whole summaries, and Parquet with the rows of the CSV file."""

import json
from collections.abc import Sequence
from pathlib import Path

from apigauge.errors import ApigaugeError
from apigauge.reports.export import COLUMNS, INTEGERS, NUMBERS, table_rows
from apigauge.reports.file_names import run_pages
from apigauge.reports.formats.texts import plain, write
from apigauge.reports.pages import check_free
from apigauge.reports.views import RunView


def write_json(runs: Sequence[RunView], out: Path) -> Path:
    """Writes ``leaderboard.json``: of each run its name, page, manifest and summary, as they are in the run."""
    pages = run_pages(runs)
    content = [
        {"run": run.name, "page": f"runs/{page}.html", "manifest": run.manifest, "summary": run.summary}
        for run, page in zip(runs, pages, strict=True)
    ]
    return write(out / "leaderboard.json", json.dumps({"runs": content}, indent=2) + "\n")


def write_parquet(runs: Sequence[RunView], out: Path) -> Path:
    """Writes ``leaderboard.parquet``: the columns of ``leaderboard.csv`` with their types.

    Raises:
        ApigaugeError: pyarrow is not installed, or the file cannot be written.
    """
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError as error:
        raise ApigaugeError(
            "--export parquet: pyarrow writes Parquet; install it (pip install pyarrow), or use --export csv"
        ) from error
    types = {name: pa.float64() for name in NUMBERS} | {name: pa.int64() for name in INTEGERS}
    rows = table_rows(runs)
    columns = {
        name: pa.array(
            [plain(value) if isinstance(value := row.get(name), str) else value for row in rows],
            types.get(name, pa.string()),
        )
        for name in COLUMNS
    }
    path = out / "leaderboard.parquet"
    check_free(path, "export", b"PAR1")
    try:
        pq.write_table(pa.table(columns), path)
    except OSError as error:
        raise ApigaugeError(f"{path}: cannot be written ({error}); choose another folder") from error
    return path
