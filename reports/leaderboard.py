"""The HTML of the leaderboard: ``index.html`` with a table per benchmark, ``runs/NAME.html`` for each run.

Same runs in, same bytes out: nothing on a page depends on the clock, the machine or the order of a set.
"""

from collections.abc import Sequence
from pathlib import Path

from apigauge.errors import ApigaugeError
from apigauge.harness.metrics.table import infos_for
from apigauge.reports.file_names import page_names, titles
from apigauge.reports.provenance import methods
from apigauge.reports.published import NOTHING, load_published
from apigauge.reports.rendering import render_page
from apigauge.reports.run_page import render_run
from apigauge.reports.tables import Page, build_tables
from apigauge.reports.views import RunView


def write_site(runs: Sequence[RunView], out: Path, published: bool = True) -> Path:
    """Writes the leaderboard and one page per run.

    Args:
        runs: what to show. Order matters only for runs of the same name, which are numbered in it.
        out: folder for ``index.html`` and ``runs/``; made if need be. Pages of the same name are replaced.
        published: whether to show figures printed elsewhere next to the runs.

    Returns:
        Path of the index page.

    Raises:
        ApigaugeError: the folder cannot be written.
    """
    names = [run.name for run in runs]
    pages = [Page(*entry) for entry in zip(runs, page_names(names), titles(names), strict=True)]
    index = out / "index.html"
    try:
        (out / "runs").mkdir(parents=True, exist_ok=True)
        for page in pages:
            (out / "runs" / f"{page.file}.html").write_bytes(render_run(page))
        index.write_bytes(_render_index(pages, published))
    except OSError as error:
        raise ApigaugeError(f"{out}: the report cannot be written ({error}); choose another folder") from error
    return index


def _render_index(pages: Sequence[Page], published: bool) -> bytes:
    runs = [page.run for page in pages]
    figures = load_published() if published else NOTHING
    tables = build_tables(pages, figures)
    return render_page(
        "index.html",
        styles=("index.css",),
        script="index.js",
        tables=tables,
        columns=infos_for(column.name for table in tables for column in table.columns),
        methods=methods(runs),
        figures=figures,
        run_count=len(runs),
        has_baselines=any(row.kind == "baseline" for table in tables for row in table.rows),
        has_printed=any(row.kind == "printed" for table in tables for row in table.rows),
    )
