"""``charts.html``: a part for each benchmark, with those charts that its runs have data for."""

import base64
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from apigauge.reports.build_cache import NO_CACHE, BuildCache
from apigauge.reports.charts.agreement import agreement
from apigauge.reports.charts.domains import domains
from apigauge.reports.charts.drift import drift
from apigauge.reports.charts.labels import labels
from apigauge.reports.charts.ladder import ladder
from apigauge.reports.charts.over_time import over_time
from apigauge.reports.charts.scatter import scatter
from apigauge.reports.charts.second_process import drawn
from apigauge.reports.charts.types import Chart, Missing
from apigauge.reports.file_inputs import page_inputs
from apigauge.reports.provenance import data_marks, warnings
from apigauge.reports.rendering import macros, render_page
from apigauge.reports.tables import Page

_CHARTS = (ladder, labels, domains, agreement, scatter, drift, over_time)


@dataclass(frozen=True, slots=True)
class Part:
    """A benchmark's charts, in order, and those that it has no data for."""

    benchmark: str
    anchor: str
    warnings: tuple[str, ...]
    charts: tuple[Chart, ...]
    missing: tuple[Missing, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A benchmark's part of the page."""

    benchmark: str
    anchor: str
    section: Markup


def render_charts(pages: Sequence[Page], cache: BuildCache = NO_CACHE) -> Callable[[], bytes]:
    """Begins to draw, and returns what makes the page of all runs.

    The charts of a benchmark whose runs are as they were come from the cache.
    """
    names = sorted({page.run.benchmark for page in pages})
    tasks = [(name, number, [p for p in pages if p.run.benchmark == name]) for number, name in enumerate(names, 1)]
    digests = [[page_inputs(page) for page in own] for _, _, own in tasks]
    # None where it is unknown what the runs were read from.
    inputs = [[name, number, of] if all(of) else None for (name, number, _), of in zip(tasks, digests, strict=True)]
    kept = [one and cache.read("charts", one) for one in inputs]
    further = drawn([task for task, text in zip(tasks, kept, strict=True) if text is None], draw)

    def render() -> bytes:
        new = iter(further())
        texts = [next(new) if text is None else text for text in kept]
        for one, text, old in zip(inputs, texts, kept, strict=True):
            if old is None and one:
                cache.write("charts", one, text)
        sections = [
            Section(name, f"charts-{number}", Markup(text))  # noqa: S704 - a template made it
            for (name, number, _), text in zip(tasks, texts, strict=True)
        ]
        return render_page("charts.html", styles=("charts.css",), script=None, parts=sections)

    return render


def draw(benchmark: str, number: int, pages: Sequence[Page]) -> str:
    """A benchmark's part of the page, as HTML."""
    return str(macros("chart_section.html").section(_part(benchmark, number, pages), _source))


def _part(benchmark: str, number: int, pages: Sequence[Page]) -> Part:
    runs = [page.run for page in pages]
    made = [one for chart in _CHARTS for one in chart(pages)]
    return Part(
        benchmark,
        f"charts-{number}",
        warnings(runs, data_marks(runs)),
        tuple(one for one in made if isinstance(one, Chart)),
        tuple(one for one in made if isinstance(one, Missing)),
    )


def _source(chart: Chart) -> Markup:
    """The picture as an image's address; of letters that mean nothing in HTML."""
    return Markup(f"data:image/svg+xml;base64,{base64.b64encode(chart.svg).decode()}")  # noqa: S704 - base64
