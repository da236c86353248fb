"""The exec ladder: the share of each run's programs that reach each rung."""

from collections.abc import Sequence

from apigauge.harness.statistics.intervals import estimate
from apigauge.reports.charts.drawing import FAINT, MUTED, ROW, Drawn, Picture, drawing, names_width, rows_axis, whisker
from apigauge.reports.charts.types import (
    Chart,
    Entry,
    Missing,
    interval_of,
    listed,
    name_entry,
    names,
    partial_note,
    percent,
)
from apigauge.reports.tables import Page
from apigauge.reports.views import Interval

TITLE = "How far programs get"
RUNGS = ("answered", "parses", "imports resolve", "its call returned", "ran to its end")
_METRIC = "exec.stage"
# Metrics that are a rung's share: their intervals are in the summary.
_SUMMARISED = {3: "exec.call", 4: "exec.rate"}
_PANEL, _GAP, _TOP, _BOTTOM = 150, 40, 30, 30


def ladder(pages: Sequence[Page]) -> list[Chart | Missing]:
    """The chart; runs that were not executed are left out."""
    shares = {page.file: _shares(page) for page in pages}
    drawn = [page for page in pages if shares[page.file]]
    if not drawn:
        return [Missing(TITLE, "no run's programs were run, or too many were lost to the sandbox")]
    drawn.sort(key=lambda page: (-shares[page.file][4].value, -shares[page.file][3].value, page.title))
    rungs = [shares[page.file] for page in drawn]
    best = drawn[0]
    finding = (
        f"Of the programs of {best.title}, "
        + ", ".join(
            f"{percent(one.value)} % reach rung {number} ({RUNGS[number]})"
            for number, one in enumerate(rungs[0][1:], 1)
        )
        + (f"; of {drawn[-1].title}'s, {percent(rungs[-1][4].value)} % run to their end." if len(drawn) > 1 else ".")
    )
    svg, size = _draw(names(drawn), rungs)
    others = [page for page in pages if not shares[page.file]]
    left_out = (f"{listed(others)}: not executed, or withheld because the sandbox failed too often.",) if others else ()
    return [
        Chart(
            "ladder",
            TITLE,
            finding,
            svg,
            size,
            ("run", *(f"rung {number}: {name}, %" for number, name in enumerate(RUNGS)), "n"),
            tuple(_row(page, one) for page, one in zip(drawn, rungs, strict=True)),
            notes=(
                "The dot is the share of programs that reach the rung or a higher one, the whisker its 95 % interval.",
                "Every answer reaches rung 0. Programs that the sandbox failed to run are not counted.",
                *partial_note(drawn),
            ),
            left_out=left_out,
        )
    ]


def _shares(page: Page) -> list[Interval]:
    """The share that reaches each rung, from 0 to 4; empty if nothing was run."""
    scored = page.run.scored
    places = scored.having(_METRIC)
    if not places or _METRIC in page.run.withheld:
        return []
    shares = [Interval(1.0, 1.0, 1.0, len(places))]
    for rung in range(1, len(RUNGS)):
        one = interval_of(page.run, _SUMMARISED[rung]) if rung in _SUMMARISED else None
        if one is None:
            reached = estimate(
                [float((scored.metrics[_METRIC][at] or 0.0) >= rung) for at in places],
                [scored.apis[at] or scored.ids[at] for at in places],
            )
            one = Interval(reached.value, reached.low, reached.high, reached.n)
        shares.append(one)
    return shares


def _row(page: Page, shares: Sequence[Interval]) -> tuple[Entry, ...]:
    texts = [f"{percent(one.value)} ({one.low * 100:.2f} to {one.high * 100:.2f})" for one in shares[1:]]
    cells = [Entry("100.0", 1.0), *(Entry(text, one.value) for text, one in zip(texts, shares[1:], strict=True))]
    return (name_entry(page), *cells, Entry(f"{shares[0].n:,}", shares[0].n))


def _draw(labels: Sequence[str], rungs: Sequence[Sequence[Interval]]) -> Drawn:
    height = ROW * len(labels)
    left = names_width(labels)
    with drawing():
        picture = Picture(left + 4 * (_PANEL + _GAP), _TOP + height + _BOTTOM)
        for panel in range(4):
            axes = picture.axes(left + panel * (_PANEL + _GAP), _TOP, _PANEL, height)
            rows_axis(axes, labels, show=panel == 0)
            axes.set_title(f"{panel + 1}: {RUNGS[panel + 1]}", loc="left", color=MUTED)
            axes.set_xlim(-0.03, 1.03)
            axes.set_xticks([0, 0.5, 1], ["0", "50", "100 %"])
            axes.grid(axis="x", color=FAINT, linewidth=0.6)
            axes.set_axisbelow(True)
            for row, shares in enumerate(rungs):
                one = shares[panel + 1]
                whisker(axes, (row, one.value), (one.low, one.high), upright=False)
        return picture.svg(), picture.size
