"""Whether metrics that only read the program agree with running it: rank correlation, answer by answer."""

from collections.abc import Sequence

from apigauge.harness.metrics.table import MetricInfo, infos_for
from apigauge.harness.statistics.rank_correlation import DRAWS, Correlation, Ranked, rank_correlation
from apigauge.reports.charts.drawing import FAINT, MUTED, ROW, Drawn, Picture, drawing, names_width, rows_axis, whisker
from apigauge.reports.charts.types import Chart, Entry, Missing, listed
from apigauge.reports.tables import Page

TITLE = "Which metrics agree with running the program"
# What counts as success, the stricter first.
_TARGETS = ("exec.correct", "exec.rate")
# Intervals from fewer APIs are too narrow.
FEWEST_APIS = 20
_WIDTH, _TOP, _BOTTOM, _RIGHT = 460, 14, 52, 30


def agreement(pages: Sequence[Page]) -> list[Chart | Missing]:
    """A chart for the strictest outcome of programs that is there."""
    for target in _TARGETS:
        usable = [page for page in pages if _varies(page, target)]
        if usable:
            return [_chart(target, usable, [page for page in pages if page not in usable])]
    return [Missing(TITLE, "no run has programs of which some succeeded and some failed")]


def _varies(page: Page, target: str) -> bool:
    scores = zip(page.run.scored.metrics.get(target, ()), page.run.scored.apis, strict=False)
    values = {score for score, api in scores if score is not None and api}
    return target not in page.run.withheld and len(values) > 1


def _chart(target: str, pages: Sequence[Page], others: Sequence[Page]) -> Chart | Missing:
    title = f"{TITLE} ({target})"
    present = {name for page in pages for name in page.run.scored.metrics if page.run.scored.having(target, name)}
    columns = [column for column in infos_for(present) if not column.is_executed]
    results = {column.name: rank_correlation([_ranked(page, column, target) for page in pages]) for column in columns}
    rows = [(column, one) for column in columns if (one := results[column.name]) and one.clusters >= FEWEST_APIS]
    if not rows:
        return Missing(title, f"no metric has different values on {FEWEST_APIS} APIs or more")
    rows.sort(key=lambda row: -row[1].value)
    first, last = rows[0], rows[-1]
    finding = f"{first[0].name} agrees most with {target}: {_words(first[1])}"
    finding += f"; {last[0].name} agrees least: {_words(last[1])}." if len(rows) > 1 else "."
    svg, size = _draw([_name(column) for column, _ in rows], [one for _, one in rows], target)
    silent = [column.name for column in columns if column.name not in {row[0].name for row in rows}]
    left_out = (
        [f"{', '.join(silent)}: the same value everywhere, or on fewer than {FEWEST_APIS} APIs."] if silent else []
    )
    if others:
        left_out.append(f"{listed(others)}: without {target}, or all programs alike in it.")
    return Chart(
        "agreement",
        title,
        finding,
        svg,
        size,
        ("metric", "tau-b", "from", "to", "answers", "APIs"),
        tuple(_row(column, one) for column, one in rows),
        notes=(
            f"Kendall's tau-b between a metric and {target}, over all pairs of answers of one run; runs: {len(pages)}.",
            "It is 1 if both order all pairs alike, and 0 if one says nothing of the other.",
            "Metrics where lower is better are turned around.",
            f"Whiskers: 95 % intervals, percentile bootstrap, {DRAWS} draws of APIs.",
        ),
        left_out=tuple(left_out),
    )


def _ranked(page: Page, column: MetricInfo, target: str) -> Ranked:
    scored, sign = page.run.scored, -1.0 if column.lower_is_better else 1.0
    places = [at for at in scored.having(column.name, target) if scored.apis[at]]
    scores, successes = ([scored.metrics[name][at] or 0.0 for at in places] for name in (column.name, target))
    return Ranked([sign * score for score in scores], successes, [scored.apis[at] for at in places])


def _name(column: MetricInfo) -> str:
    return f"{column.name} (turned)" if column.lower_is_better else column.name


def _number(value: float) -> str:
    text = f"{value:.2f}"
    return "0.00" if float(text) == 0 else text.replace("-", "\u2212")


def _words(one: Correlation) -> str:
    return f"tau-b {_number(one.value)} ({_number(one.low)} to {_number(one.high)})"


def _row(column: MetricInfo, one: Correlation) -> tuple[Entry, ...]:
    numbers = (Entry(_number(value), value) for value in (one.value, one.low, one.high))
    return (Entry(_name(column)), *numbers, Entry(f"{one.n:,}", one.n), Entry(f"{one.clusters:,}", one.clusters))


def _draw(labels: Sequence[str], values: Sequence[Correlation], target: str) -> Drawn:
    height = ROW * len(labels)
    lowest = min(0.0, *(one.low for one in values))
    left = names_width(labels)
    with drawing():
        picture = Picture(left + _WIDTH + _RIGHT, _TOP + height + _BOTTOM)
        axes = picture.axes(left, _TOP, _WIDTH, height)
        rows_axis(axes, labels)
        axes.set_xlim(lowest - 0.05, 1.0)
        axes.axvline(0, color=MUTED, linewidth=1)
        axes.grid(axis="x", color=FAINT, linewidth=0.6)
        axes.set_axisbelow(True)
        axes.set_xlabel(f"Kendall's tau-b with {target}")
        for row, one in enumerate(values):
            whisker(axes, (row, one.value), (one.low, one.high), upright=False)
        return picture.svg(), picture.size
