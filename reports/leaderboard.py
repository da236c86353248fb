"""The leaderboard: ``index.html`` with a table per benchmark, ``runs/NAME.html`` for each run, ``data/`` for these.

Same runs in, same bytes out: nothing on a page depends on the clock, the machine or the order of a set.
"""

import functools
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from apigauge.harness.metrics.table import infos_for
from apigauge.reports.across import PAGES, Layouts, Rankings, across_files, rank_all
from apigauge.reports.build_cache import NO_CACHE, BuildCache
from apigauge.reports.charts.page import render_charts
from apigauge.reports.data_files import FILES, Files, data_files, layout_of, layouts
from apigauge.reports.details import details_of
from apigauge.reports.file_inputs import folder_of, inputs_of
from apigauge.reports.file_names import run_pages, titles
from apigauge.reports.ordering import ordered
from apigauge.reports.pages import write_pages
from apigauge.reports.preview import render_preview
from apigauge.reports.provenance import methods
from apigauge.reports.publication import NOT_FOUND, PREVIEW, Publication
from apigauge.reports.published import NOTHING, Published, load_published
from apigauge.reports.rendering import render_page
from apigauge.reports.run_page import render_run
from apigauge.reports.tables import Page, Ranks, Table, build_tables
from apigauge.reports.views import RunView


def write_site(
    runs: Sequence[RunView],
    out: Path,
    published: bool = True,
    *,
    cache: BuildCache = NO_CACHE,
    publication: Publication | None = None,
) -> Path:
    """Writes the leaderboard and one page per run.

    Args:
        runs: what to show, in any order; runs of the same name are numbered.
        out: folder for ``index.html`` and ``runs/``; made if need be. Pages of an earlier report are replaced, those of
            runs that are not shown any more removed.
        published: whether to show figures printed elsewhere next to the runs.
        cache: of earlier builds of this site; what is written does not depend on it.
        publication: what a site for others has besides, such as pages that are not removed.

    Returns:
        Path of the index page.

    Raises:
        ApigaugeError: the folder cannot be written, or holds a file of these names that no report wrote.
    """
    chosen = _with_sizes(ordered(runs))
    names = [run.name for run in chosen]
    pages = [Page(*entry) for entry in zip(chosen, run_pages(chosen), titles(names), strict=True)]
    layout = layouts(chosen, is_lasting=publication is not None)
    about = publication or Publication()
    figures = load_published() if published else NOTHING
    inputs = inputs_of(pages, layout, about.site_url, [published, bool(publication), *map(asdict, about.older)])
    files = functools.cache(functools.partial(_files, pages, layout, figures, cache, publication))
    made = cache.read("files", "") or {}
    is_same = "" in inputs and "index.html" in made
    is_same = is_same and all(inputs.get(folder_of(name)) == key for name, (key, _) in made.items())
    # If all is as it was then so is which files there are, and what makes them is looked up only for one that is not.
    paths = list(made if is_same else files())
    digests = write_pages(
        out,
        {name: functools.partial(_made, files, name) for name in paths},
        former=["runs/*.html", NOT_FOUND, PREVIEW, *PAGES, *FILES],
        what="report",
        current={name: digest for name, (key, digest) in made.items() if inputs.get(folder_of(name)) == key},
        is_kept=lambda path: any(page.has(path) for page in about.older),
    )
    keys = {name: inputs.get(folder_of(name)) for name in digests}
    if is_same:
        cache.keep()
    else:
        cache.write("files", "", {name: [keys[name], digest] for name, digest in digests.items() if keys[name]})
        cache.prune()
    return out / "index.html"


def _made(files: Callable[[], Files], name: str) -> bytes:
    return files()[name]()


def _files(
    pages: Sequence[Page], layout: Layouts, figures: Published, cache: BuildCache, publication: Publication | None
) -> Files:
    """What makes each file of the site."""
    about = publication or Publication()
    charts = render_charts(pages, cache)
    files = data_files(pages, layout)
    files |= {
        f"runs/{page.file}.html": functools.partial(render_run, page, layout_of(page.run, layout), about.site_url)
        for page in pages
    }
    rankings = rank_all(pages, cache)
    files |= across_files(pages, layout, rankings)
    files["charts.html"] = charts
    tables = build_tables(pages, figures, _ranks(pages, rankings))
    if publication:
        files[NOT_FOUND] = functools.partial(_render_not_found, about.site_url)
        files[PREVIEW] = functools.partial(render_preview, tables)
    files["index.html"] = functools.partial(_render_index, pages, tables, figures, set(files), about)
    return files


def _with_sizes(runs: Sequence[RunView]) -> list[RunView]:
    """The runs, where a benchmark's size is unknown with the most items that a run on the same data asks."""
    sizes: dict[str, int] = {}
    for run in runs:
        size = max(run.benchmark_items, int(run.summary.get("expected", 0)))
        sizes[f"{run.benchmark} {run.digest}"] = max(size, sizes.get(f"{run.benchmark} {run.digest}", 0))
    return [replace(run, benchmark_items=sizes[f"{run.benchmark} {run.digest}"]) for run in runs]


def _ranks(pages: Sequence[Page], rankings: Rankings) -> Ranks:
    """Each run's rank in every metric, as printed."""
    return {
        page.file: {metric: ranking.text(page) for metric, ranking in rankings[page.run.benchmark].items()}
        for page in pages
    }


def _render_index(
    pages: Sequence[Page], tables: Sequence[Table], figures: Published, others: Collection[str], about: Publication
) -> bytes:
    """The board; ``others`` are the pages next to it, of which it links those that there are."""
    runs = [page.run for page in pages]
    return render_page(
        "index.html",
        styles=("index.css",),
        script="index.js",
        tables=tables,
        columns=infos_for(column.name for table in tables for column in table.columns),
        details=details_of(runs),
        methods=methods(runs),
        figures=figures,
        run_count=len(runs),
        others=others,
        has_baselines=any(row.kind == "baseline" for table in tables for row in table.rows),
        older=about.older,
        site_url=about.site_url,
        preview=PREVIEW,
    )


def _render_not_found(site_url: str) -> bytes:
    """What GitHub Pages shows for an address that the site does not have."""
    return render_page("not_found.html", styles=(), script=None, site_url=site_url)
