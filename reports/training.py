"""The page of a training with AI feedback: its gains, its curves, and the reward-hacking check.

A seed has the same colour everywhere. The page has no script.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from apigauge.harness.metrics.table import MetricInfo, infos_for
from apigauge.reports.cells import Cell, format_difference, interval_texts, measured_cell, place_around_zero
from apigauge.reports.hacking import check_seed
from apigauge.reports.pages import write_pages
from apigauge.reports.plots import Plot, Series, plot
from apigauge.reports.provenance import Fact
from apigauge.reports.published import load_published
from apigauge.reports.rendering import render_page
from apigauge.reports.views import TrainingDifference, TrainingRow, TrainingView

# Fewer say little of how another seed would end.
ENOUGH_SEEDS = 3
_PAPER = "2406.20060"
# Seeds beyond these share a colour.
_COLOURS = 6
_SIZE = (400, 220)
# By the name in the log: what is drawn, its unit, and what its axis must reach.
_CURVES: dict[str, tuple[str, str, tuple[float, ...]]] = {
    "reward": ("Mean reward", "", ()),
    "kl": ("KL divergence from the start", "nats per answer", (0.0,)),
    "entropy": ("Entropy", "nats per token", (0.0,)),
    "length": ("Length", "tokens per answer", (0.0,)),
    "clip_fraction": ("Clip fraction", "share of tokens", (0.0,)),
}
_UNFOLDED = ("reward", "kl")


@dataclass(frozen=True, slots=True)
class Own:
    """What a single seed says of a difference: the number of its colour, the difference, and its place."""

    seed: int
    style: int
    difference: str
    place: float


@dataclass(frozen=True, slots=True)
class Line:
    """A difference's row: as printed, and its places in the drawing from 0 to 1, no difference being 0.5.

    Attributes:
        column: the metric.
        shown: what it is about.
        verdict: "better" or "worse" where the interval leaves out zero; else "open".
        difference: in points.
        ends: of its 95 % interval, with one decimal more.
        dot: the place of the difference.
        whisker: the places of the ends.
        seeds: each by itself.
    """

    column: MetricInfo
    shown: TrainingDifference
    verdict: str
    difference: str
    ends: tuple[str, str]
    dot: float
    whisker: tuple[float, float]
    seeds: tuple[Own, ...]


def write_training(view: TrainingView, out: Path) -> Path:
    """Writes the page.

    Args:
        view: what to show.
        out: folder for ``index.html``; made if need be.

    Returns:
        Path of the page.

    Raises:
        ApigaugeError: the folder cannot be written.
    """
    write_pages(out, {"index.html": lambda: _render(view)}, former=["index.html"], what="page")
    return out / "index.html"


def _render(view: TrainingView) -> bytes:
    checked = [infos_for([name])[0] for name in view.metrics]
    columns = [*checked, *(infos_for([name])[0] for name in view.further_metrics)]
    styles = {seed: at % _COLOURS for at, seed in enumerate(view.seeds)}
    checks = [
        check_seed(seed, styles[seed], points, checked) for seed in view.seeds if (points := view.checkpoints.get(seed))
    ]
    lines = _lines(view, columns, styles)
    return render_page(
        "training.html",
        styles=("run.css", "comparison.css", "training.css"),
        script=None,
        view=view,
        columns=columns,
        checked_columns=checked,
        seeds=styles,
        is_few=len(styles) < ENOUGH_SEEDS,
        rows=[(row, _cells(row, columns)) for row in view.rows],
        claim=next(claim for claim in load_published().claims if _PAPER in claim.source),
        groups={line.shown.name: [one for one in lines if one.shown.name == line.shown.name] for line in lines},
        reach=f"{_reach(view, columns):.1%}".rstrip("%"),
        curves=_curves(view, styles, _UNFOLDED),
        further=_curves(view, styles, [name for name in _CURVES if name not in _UNFOLDED]),
        checks=checks,
        hacked=[one for one in checks if one.flagged and one.rose],
        harmed=[one for one in checks if one.flagged and not one.rose],
        checked=[one for one in checks if one.is_possible],
        facts=[Fact(name, text) for name, text in view.facts],
    )


def _cells(row: TrainingRow, columns: Sequence[MetricInfo]) -> list[tuple[Cell, tuple[str, str], int]]:
    """For each metric its cell, the ends of the interval as printed, and the number of answers."""
    entries = [asdict(row.values[column.name]) if column.name in row.values else {} for column in columns]
    return [
        (measured_cell(entry, column), interval_texts(entry, column), entry.get("n", 0))
        for entry, column in zip(entries, columns, strict=True)
    ]


def _lines(view: TrainingView, columns: Sequence[MetricInfo], styles: dict[int, int]) -> list[Line]:
    by_name, reach = {column.name: column for column in columns}, _reach(view, columns)
    return [_line(one, by_name[one.metric], reach, styles) for one in view.differences]


def _reach(view: TrainingView, columns: Sequence[MetricInfo]) -> float:
    """The share that both ends of the drawing stand for, the same for all differences."""
    tops = {column.name: column.top for column in columns}
    shares = (
        abs(end) / tops[one.metric] for one in view.differences for end in (one.low, one.high, *one.seeds.values())
    )
    return max(shares, default=0.0) or 1.0


def _line(shown: TrainingDifference, column: MetricInfo, reach: float, styles: dict[int, int]) -> Line:
    place = functools.partial(place_around_zero, column=column, reach=reach)
    verdict = "open"
    if shown.low > 0 or shown.high < 0:
        verdict = "better" if (shown.low > 0) != column.lower_is_better else "worse"
    return Line(
        column=column,
        shown=shown,
        verdict=verdict,
        difference=format_difference(shown.value, column),
        ends=(format_difference(shown.low, column, 1), format_difference(shown.high, column, 1)),
        dot=place(shown.value),
        whisker=(place(shown.low), place(shown.high)),
        seeds=tuple(
            Own(seed, style, format_difference(shown.seeds[seed], column), place(shown.seeds[seed]))
            for seed, style in styles.items()
            if seed in shown.seeds
        ),
    )


def _curves(view: TrainingView, styles: dict[int, int], names: Iterable[str]) -> list[Plot]:
    plots = []
    for name in names:
        title, unit, include = _CURVES[name]
        logged = {seed: curves for seed in styles if name in (curves := view.curves.get(seed, {}))}
        series = [Series(f"seed {seed}", styles[seed], one["step"], one[name]) for seed, one in logged.items()]
        plots.append(plot(title, unit, series, _SIZE, include))
    return [one for one in plots if one]
