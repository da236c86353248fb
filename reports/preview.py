"""The picture that other sites show next to a link to a leaderboard: its largest table's first runs."""

import io
import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING

from apigauge.reports.charts.drawing import ACCENT, FAINT, INK, MUTED, PAPER, drawing, label
from apigauge.reports.tables import Row, Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDTH, HEIGHT = 1_200, 630
_ROWS, _LONGEST = 6, 44


def render_preview(tables: Sequence[Table]) -> bytes:
    """A PNG of 1200 by 630 pixels: the same bytes for the same numbers."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    buffer = io.BytesIO()
    with drawing():
        figure = Figure(figsize=(WIDTH / 100, HEIGHT / 100), dpi=100, facecolor=PAPER)
        FigureCanvasAgg(figure)

        runs = sum(len(table.rows) for table in tables)
        lead = f"{_count(runs, 'run')} on {_count(len(tables), 'benchmark')}, scored by apigauge"
        _write(figure, (64, 84), "API calls, measured", 36)
        _write(figure, (64, 142), lead, 17, MUTED)
        if table := max(tables, key=lambda one: len(one.rows), default=None):
            _draw(figure, table)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Glyph .* missing from font", category=UserWarning)
            figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def _draw(figure: "Figure", table: Table) -> None:
    """A line for each of the first whole runs: name, bar, interval and number."""
    column = table.sorted_by
    if not column:
        return
    whole = [row for row in table.rows if not row.is_partial]
    head = f"{table.benchmark}: {column.name}, {column.unit}, with 95 % intervals"
    _write(figure, (64, 206), _cut(head, 100), 15, MUTED)
    for number, row in enumerate(whole[:_ROWS]):
        _draw_row(figure, row, table.columns.index(column), 258 + 56 * number)
    if len(whole) > _ROWS:
        _write(figure, (64, 258 + 56 * _ROWS - 8), f"and {_count(len(whole) - _ROWS, 'more run')}", 13, MUTED)


def _draw_row(figure: "Figure", row: Row, at: int, y: float) -> None:
    from matplotlib.lines import Line2D

    cell, left, width = row.cells[at], 560.0, 480.0

    def line(begin: float, end: float, colour: str, thickness: float) -> None:
        ends, height = [(left + width * place) / WIDTH for place in (begin, end)], 1 - y / HEIGHT
        figure.add_artist(Line2D(ends, [height, height], color=colour, linewidth=thickness, solid_capstyle="butt"))

    _write(figure, (64, y), _cut(row.page.title, _LONGEST), 17)
    _write(figure, (1064, y), cell.text, 17)
    if cell.value is not None:
        line(0, 1, FAINT, 2)
        line(0, cell.place, ACCENT, 12)
        if cell.whisker:
            line(*cell.whisker, INK, 2)


def _write(figure: "Figure", at: tuple[float, float], text: str, size: float, colour: str = INK) -> None:
    """Text from a place on, in pixels from the top left."""
    figure.text(at[0] / WIDTH, 1 - at[1] / HEIGHT, text, fontsize=size, color=colour, va="center")


def _cut(text: str, longest: int) -> str:
    text = label(text)
    return text if len(text) <= longest else f"{text[: longest - 1]}\u2026"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
