"""Scores against what a model costs: its parameters, its tokens, its dollars, on a logarithmic axis."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from apigauge.harness.metrics.table import MetricInfo, infos_for
from apigauge.reports.charts.drawing import INK, MUTED, Drawn, Picture, drawing, score_axis, whisker
from apigauge.reports.charts.types import (
    Chart,
    Entry,
    Missing,
    interval_of,
    listed,
    name_entry,
    partial_note,
    value_entries,
    value_heads,
    value_words,
)
from apigauge.reports.tables import Page
from apigauge.reports.views import Interval, RunView, section

# The panels: of each group the first metric that a run has.
_METRICS = (("ast.exact",), ("exec.correct", "exec.rate"))
_PANEL, _HEIGHT, _LEFT, _TOP, _BOTTOM, _GAP = 380, 260, 56, 34, 50, 70


@dataclass(frozen=True, slots=True)
class Axis:
    """What scores stand against."""

    kind: str
    title: str
    unit: str
    missing: str
    read: Callable[[RunView], float | None]
    text: Callable[[float], str]
    note: str = ""


@dataclass(frozen=True, slots=True)
class _Point:
    page: Page
    x: float
    values: dict[str, Interval]


def against(axis: Axis, pages: Sequence[Page]) -> Chart | Missing:
    """The chart of one axis."""
    metrics = [chosen for group in _METRICS if (chosen := _first(group, pages))]
    columns = infos_for(metrics)
    points = [
        _Point(page, x, values)
        for page in pages
        if (x := axis.read(page.run)) is not None
        and (values := {name: one for name in metrics if (one := interval_of(page.run, name))})
    ]
    if len(points) < 2:
        why = f"{listed([point.page for point in points])} alone has its {axis.unit}" if points else axis.missing
        return Missing(axis.title, why)
    points.sort(key=lambda point: (point.x, point.page.title))
    shown = [column for column in columns if any(column.name in point.values for point in points)]
    svg, size = _draw(axis, points, shown)
    there = {point.page.file for point in points}
    others = [page for page in pages if page.file not in there]
    return Chart(
        axis.kind,
        axis.title,
        _finding(axis, points, shown),
        svg,
        size,
        ("", "run", axis.unit, *value_heads(shown)),
        tuple(_row(number, point, axis, shown) for number, point in enumerate(points, 1)),
        key=tuple(point.page for point in points),
        notes=(f"Whiskers: 95 % intervals. {axis.note}".strip(), *partial_note([point.page for point in points])),
        left_out=(f"{listed(others)}: {axis.missing}.",) if others else (),
    )


def scatter(pages: Sequence[Page]) -> list[Chart | Missing]:
    """The charts of all axes."""
    return [against(axis, pages) for axis in AXES]


def _first(group: Sequence[str], pages: Sequence[Page]) -> str | None:
    return next((name for name in group if any(interval_of(page.run, name) for page in pages)), None)


def _finding(axis: Axis, points: Sequence[_Point], columns: Sequence[MetricInfo]) -> str:
    texts = []
    for point in (points[0], points[-1]):
        scores = ", ".join(
            f"{column.name} {value_words(point.values[column.name], column)}"
            for column in columns
            if column.name in point.values
        )
        texts.append(f"{point.page.title} at {axis.text(point.x)} {axis.unit}: {scores}")
    return "; ".join(texts) + "."


def _row(number: int, point: _Point, axis: Axis, columns: Sequence[MetricInfo]) -> tuple[Entry, ...]:
    first = (Entry(str(number)), name_entry(point.page), Entry(axis.text(point.x), point.x))
    return (*first, *value_entries(point.page.run, columns))


def _draw(axis: Axis, points: Sequence[_Point], columns: Sequence[MetricInfo]) -> Drawn:
    width = _LEFT + len(columns) * (_PANEL + _GAP)
    low, high = points[0].x, points[-1].x
    with drawing():
        picture = Picture(width, _TOP + _HEIGHT + _BOTTOM)
        for panel, column in enumerate(columns):
            axes = picture.axes(_LEFT + panel * (_PANEL + _GAP), _TOP, _PANEL, _HEIGHT)
            axes.set_xscale("log")
            axes.set_xlim(low / 1.8, high * 1.8)
            ticks = _ticks(low / 1.8, high * 1.8)
            axes.set_xticks(ticks, [axis.text(tick) for tick in ticks])
            axes.minorticks_off()
            score_axis(axes, column)
            axes.set_xlabel(axis.unit, color=MUTED)
            for number, point in enumerate(points, 1):
                if one := point.values.get(column.name):
                    partial = point.page.run.missing_items is not None
                    whisker(axes, (point.x, one.value), (one.low, one.high), upright=True, hollow=partial)
                    axes.annotate(
                        str(number), (point.x, one.value), xytext=(7, 4), textcoords="offset points", color=INK
                    )
        return picture.svg(), picture.size


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers on a logarithmic axis: powers of ten, or ones, twos and fives of few of them."""
    powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for factors in ((1,), (1, 3), (1, 2, 5)):
        ticks = [factor * 10.0**power for power in powers for factor in factors]
        within = [tick for tick in ticks if low <= tick <= high]
        if len(within) >= 3:
            return within[:: math.ceil(len(within) / 7)]
    return within


def _parameters(run: RunView) -> float | None:
    count = section(run.manifest, "generator").get("parameters")
    return float(count) if isinstance(count, int) and not isinstance(count, bool) and count > 0 else None


def _per_answer(run: RunView, names: Sequence[str], answers: float = 1.0) -> float | None:
    """The sum of these for so many answers, over those that are counted; None if it is not recorded, or zero."""
    usage = section(run.summary, "usage")
    counted = usage.get("answers", 0) - usage.get("cached", 0) - usage.get("unknown", 0)
    if counted <= 0 or not all(name in usage for name in names):
        return None
    return sum(usage[name] for name in names) / counted * answers or None


def _short(value: float) -> str:
    """A large number with a letter for its power of ten."""
    power, letter = next(((p, x) for p, x in ((12, "T"), (9, "B"), (6, "M"), (3, "K")) if value >= 10**p), (0, ""))
    return f"{value / 10**power:.3g} {letter}".strip()


AXES = (
    Axis(
        "parameters",
        "Score against parameters",
        "parameters",
        "the manifest records no number of parameters",
        _parameters,
        _short,
    ),
    Axis(
        "tokens",
        "Score against tokens",
        "tokens per answer",
        "no tokens are counted",
        lambda run: _per_answer(run, ("prompt_tokens", "completion_tokens")),
        lambda value: f"{value:,.3g}" if value < 1000 else _short(value),
        "Tokens of prompt and answer, the mean over answers whose tokens are known and that are not from the cache.",
    ),
    Axis(
        "dollars",
        "Score against cost",
        "dollars per 1,000 answers",
        "no price is given",
        lambda run: _per_answer(run, ("dollars",), 1000),
        lambda value: f"{value:,.3g}",
        "At the prices that the user gave, over answers whose tokens are known and that are not from the cache.",
    ),
)
