"""The HTML of the leaderboard: ``index.html`` with a table per benchmark, ``runs/NAME.html`` for each run.

Same runs in, same bytes out: nothing on a page depends on the clock, the machine or the order of a set.
"""

import functools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from apigauge.harness.metrics.table import infos_for
from apigauge.reports.file_names import page_names, titles
from apigauge.reports.ordering import ordered
from apigauge.reports.pages import write_pages
from apigauge.reports.provenance import methods
from apigauge.reports.published import NOTHING, load_published
from apigauge.reports.rendering import render_page
from apigauge.reports.run_page import render_run
from apigauge.reports.tables import Page, build_tables
from apigauge.reports.views import RunView


def write_site(runs: Sequence[RunView], out: Path, published: bool = True) -> Path:
    """Writes the leaderboard and one page per run.

    Args:
        runs: what to show, in any order; runs of the same name are numbered.
        out: folder for ``index.html`` and ``runs/``; made if need be. Pages of an earlier report are replaced, those of
            runs that are not shown any more removed.
        published: whether to show figures printed elsewhere next to the runs.

    Returns:
        Path of the index page.

    Raises:
        ApigaugeError: the folder cannot be written, or holds a file of these names that no report wrote.
    """
    chosen = _with_sizes(ordered(runs))
    names = [run.name for run in chosen]
    pages = [Page(*entry) for entry in zip(chosen, page_names(names), titles(names), strict=True)]
    made = {f"runs/{page.file}.html": functools.partial(render_run, page) for page in pages}
    files = {**made, "index.html": functools.partial(_render_index, pages, published)}
    write_pages(out, files, former="runs/*.html", what="report")
    return out / "index.html"


def _with_sizes(runs: Sequence[RunView]) -> list[RunView]:
    """The runs, where a benchmark's size is unknown with the most items that a run on the same data asks."""
    sizes: dict[str, int] = {}
    for run in runs:
        size = max(run.benchmark_items, int(run.summary.get("expected", 0)))
        sizes[f"{run.benchmark} {run.digest}"] = max(size, sizes.get(f"{run.benchmark} {run.digest}", 0))
    return [replace(run, benchmark_items=sizes[f"{run.benchmark} {run.digest}"]) for run in runs]


def _render_index(pages: Sequence[Page], published: bool) -> bytes:
    runs = [page.run for page in pages]
    figures = load_published() if published else NOTHING
    tables = build_tables(pages, figures)
    first = {name for table in tables for name in table.first_columns}
    return render_page(
        "index.html",
        styles=("index.css",),
        script="index.js",
        tables=tables,
        columns=infos_for(column.name for table in tables for column in table.columns),
        first_columns=first,
        methods=methods(runs),
        figures=figures,
        run_count=len(runs),
        has_baselines=any(row.kind == "baseline" for table in tables for row in table.rows),
        has_printed=any(row.kind == "printed" for table in tables for row in table.rows),
    )
