"""The page of one run: its numbers, what went wrong how often, and every answer with its scores.

The answers are in ``data/`` (``data_files.py``). The page's script reads columns of all, and of texts what is looked
at, so that a browser stays quick with twenty thousand. What is filtered, sorted and open stands in the address.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from apigauge.harness.metrics.table import MetricInfo, infos_for
from apigauge.reports.cells import EMPTY, Cell, interval_texts, run_cell
from apigauge.reports.data_files import Layout, layouts, whole_data
from apigauge.reports.provenance import facts, warnings
from apigauge.reports.publication import PREVIEW, identity_of
from apigauge.reports.rendering import json_block, pretty_json, render_page
from apigauge.reports.tables import Page, badges
from apigauge.reports.views import RunView, section

BAR_LENGTH = 240
# Filters by a value, as in the address and as shown; the labels of each metric follow.
FACETS = {"stage": "Stage", "unfinished": "Unfinished", "domain": "Domain", "api": "API"}


@dataclass(frozen=True, slots=True)
class Measure:
    """A line of the run's summary: a metric, its cell, and what ``summary.json`` and the manifest record of it."""

    column: MetricInfo
    cell: Cell
    ends: tuple[str, str]
    entry: dict[str, Any]
    version: str


@dataclass(frozen=True, slots=True)
class Bar:
    """How often a label occurred; ``address`` opens these, ``length`` is in pixels, of ``BAR_LENGTH`` for all."""

    address: str
    label: str
    count: int
    share: float
    length: float


@dataclass(frozen=True, slots=True)
class LabelCounts:
    """A metric's labels, most frequent first."""

    metric: str
    bars: tuple[Bar, ...]


def render_run(page: Page, layout: Layout | None = None, site_url: str = "") -> bytes:
    """The page of a run as UTF-8 bytes.

    Args:
        page: the run.
        layout: of the data that lies next to it; None for a page that has all data in itself.
        site_url: where the site is on the web; empty if that is unknown.
    """
    run = page.run
    whole = layout is None
    if layout is None:
        (layout,) = layouts([run]).values()
    columns, labels = infos_for(run.metric_names), label_counts(run)
    metrics = infos_for({name for row in run.rows for name in row.metrics})
    data = {
        "root": "../",
        "whole": whole_data(page, layout) if whole else {},
        "layout": layout.stamp,
        "benchmark": f"benchmarks/{layout.key}",
        "folder": f"runs/{page.file}",
        "lower": [info.name for info in metrics if info.lower_is_better],
        "facets": [*FACETS, *(f"label:{group.metric}" for group in labels)],
    }
    return render_page(
        "run.html",
        styles=("run.css",),
        script="run.js",
        helpers=("data.js", "answer.js", "run_state.js", "run_data.js", "run_filters.js"),
        loads_parts=not whole,
        identity=identity_of(run),
        questions=data["benchmark"],
        site_url=site_url,
        preview=PREVIEW,
        page=page,
        run=run,
        badges=badges(run, {}),
        warnings=warnings([run], {}),
        measures=[_measure(run, column) for column in columns],
        labels=labels,
        bar_length=BAR_LENGTH,
        facts=facts(run),
        manifest=pretty_json(run.manifest),
        facets=[*FACETS.values(), *(group.metric for group in labels)],
        data=json_block(data),
    )


def label_counts(run: RunView) -> tuple[LabelCounts, ...]:
    """Counts per metric, of the answers that the page lists, so that each is what its link opens."""
    counts: dict[str, Counter[str]] = {}
    for row in run.rows:
        for metric, label in row.labels.items():
            counts.setdefault(metric, Counter())[label] += 1
    return tuple(LabelCounts(info.name, _bars(info.name, counts[info.name])) for info in infos_for(counts))


def facet_key(value: str) -> str:
    """A value in the address, as in ``run_state.js``: apart from ``~none``, which stands for no value."""
    return f"~={value}" if not value or value.startswith("~") else value


def _address(metric: str, label: str) -> str:
    return "#" + urlencode({f"label:{metric}": facet_key(label)}, errors="replace")


def _measure(run: RunView, column: MetricInfo) -> Measure:
    entry = section(section(run.summary, "metrics"), column.name)
    version = column.version(section(run.manifest, "metrics"))
    cell = run_cell(run, column)
    ends = (EMPTY, EMPTY) if cell.value is None else interval_texts(entry, column)
    return Measure(column, cell, ends, entry, version)


def _bars(metric: str, counts: Counter[str]) -> tuple[Bar, ...]:
    total = counts.total()
    return tuple(
        Bar(_address(metric, label), label, count, count / total, round(BAR_LENGTH * count / total, 2))
        for label, count in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0]))
    )
