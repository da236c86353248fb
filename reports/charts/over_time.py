"""A model over time: the scores of its runs on several dates, each line one model in one setting."""

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date, datetime

from apigauge.harness.metrics.table import MetricInfo, infos_for
from apigauge.reports.charts.drawing import FAINT, INK, Drawn, Picture, drawing, score_axis, whisker
from apigauge.reports.charts.drift import environment
from apigauge.reports.charts.types import (
    Chart,
    Entry,
    Missing,
    interval_of,
    name_entry,
    partial_note,
    value_entries,
    value_heads,
    value_words,
)
from apigauge.reports.tables import Page
from apigauge.reports.views import section

TITLE = "A model over time"
_METRICS = (("ast.exact",), ("exec.correct", "exec.rate"))
# What a revision stands behind; other specs are texts and files.
_WITH_REVISION = frozenset({"hf", "vllm", "openai"})
_PANEL, _HEIGHT, _LEFT, _TOP, _BOTTOM, _GAP, _DATES = 380, 240, 56, 34, 40, 70, 5
_Lines = Sequence[Sequence[Page]]


def over_time(pages: Sequence[Page]) -> list[Chart | Missing]:
    """The chart of models that have runs of several dates."""
    series: dict[tuple[str, str, str], list[Page]] = defaultdict(list)
    for page in pages:
        if not page.run.is_baseline and _day(page):
            series[model(page), page.run.digest, environment(page)].append(page)
    lines = [
        sorted(line, key=lambda page: (str(page.run.manifest.get("created")), page.title))
        for _, line in sorted(series.items())
        if len({_day(page) for page in line}) > 1
    ]
    metrics = [
        name
        for group in _METRICS
        if (name := next((one for one in group if any(interval_of(p.run, one) for line in lines for p in line)), None))
    ]
    if not metrics:
        return [Missing(TITLE, "no model has runs of several dates on the same data in the same environment")]
    return [_chart(lines, infos_for(metrics))]


def model(page: Page) -> str:
    """What answered, without the revision."""
    kind = section(page.run.manifest, "generator").get("kind")
    return page.run.spec.partition("@")[0] if kind in _WITH_REVISION else page.run.spec


def _day(page: Page) -> date | None:
    try:
        moment = datetime.fromisoformat(str(page.run.manifest.get("created")))
    except ValueError:
        return None
    return (moment.astimezone(UTC) if moment.tzinfo else moment).date()


def _chart(lines: _Lines, columns: Sequence[MetricInfo]) -> Chart:
    svg, size = _draw(lines, columns)
    drawn = [page for line in lines for page in line]
    return Chart(
        "over-time",
        TITLE,
        " ".join(_words(line, columns) for line in lines),
        svg,
        size,
        ("", "model", "run", "date", *value_heads(columns)),
        tuple(_row(number, page, columns) for number, line in enumerate(lines, 1) for page in line),
        key=tuple(line[0] for line in lines),
        notes=(
            "A line joins the runs of one model, named without its revision, on the same data in the same environment.",
            "Dates are those on which the runs began (UTC). Whiskers: 95 % intervals.",
            *partial_note(drawn),
        ),
    )


def _words(line: Sequence[Page], columns: Sequence[MetricInfo]) -> str:
    texts = []
    for column in columns:
        ends = [(page, one) for page in (line[0], line[-1]) if (one := interval_of(page.run, column.name))]
        texts += [f"{column.name} {value_words(one, column)} on {_day(page)}" for page, one in ends]
    return f"{model(line[0])}: {', '.join(texts)}."


def _row(number: int, page: Page, columns: Sequence[MetricInfo]) -> tuple[Entry, ...]:
    first = (Entry(str(number)), Entry(model(page)), name_entry(page), Entry(str(_day(page))))
    return (*first, *value_entries(page.run, columns))


def _draw(lines: _Lines, columns: Sequence[MetricInfo]) -> Drawn:
    days = sorted({day.toordinal() for line in lines for page in line if (day := _day(page))})
    shown = days[:: -(-len(days) // _DATES)]
    margin = (days[-1] - days[0]) * 0.08
    with drawing():
        picture = Picture(_LEFT + len(columns) * (_PANEL + _GAP), _TOP + _HEIGHT + _BOTTOM)
        for panel, column in enumerate(columns):
            axes = picture.axes(_LEFT + panel * (_PANEL + _GAP), _TOP, _PANEL, _HEIGHT)
            axes.set_xlim(days[0] - margin, days[-1] + margin * 1.6)
            axes.set_xticks(shown, [date.fromordinal(day).isoformat() for day in shown])
            score_axis(axes, column)
            for number, line in enumerate(lines, 1):
                points = [
                    (day.toordinal(), one)
                    for page in line
                    if (day := _day(page)) and (one := interval_of(page.run, column.name))
                ]
                if not points:
                    continue
                axes.plot([x for x, _ in points], [one.value for _, one in points], color=FAINT, linewidth=1.5)
                for x, one in points:
                    whisker(axes, (x, one.value), (one.low, one.high), upright=True)
                last, one = points[-1]
                axes.annotate(str(number), (last, one.value), xytext=(7, 4), textcoords="offset points", color=INK)
        return picture.svg(), picture.size
