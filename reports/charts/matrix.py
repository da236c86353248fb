"""A heat map: runs by categories, each cell with its number, a share's shade, and how many answers that is."""

from collections.abc import Callable, Sequence

from apigauge.reports.charts.drawing import INK, MUTED, Drawn, Picture, drawing, label, names_width, shaded

_WIDTH, _HEIGHT = 62, 38
# A letter of a slanted head takes so many pixels to the right and upwards.
_ACROSS, _UP, _LONGEST = 6.2, 5.2, 34

Cell = tuple[float, str, str]


def matrix(rows: Sequence[str], columns: Sequence[str], cell: Callable[[int, int], Cell | None]) -> Drawn:
    """Draws it.

    Args:
        rows: names of the runs.
        columns: names of the categories.
        cell: the share, 0 to 1, and the two lines of text of a row's and a column's number; None for an empty cell.

    Returns:
        The picture and its size.
    """
    heads = [text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}\u2026" for text in map(label, columns)]
    top = int(24 + _UP * max(map(len, heads)))
    right = int(max(_ACROSS * len(head) - _WIDTH * at for at, head in enumerate(reversed(heads))))
    left = names_width(rows)
    width, height = left + _WIDTH * len(columns) + max(0, right), top + _HEIGHT * len(rows) + 10
    with drawing():
        picture = Picture(width, height)
        axes = picture.axes(left, top, _WIDTH * len(columns), _HEIGHT * len(rows))
        axes.set_xlim(-0.5, len(columns) - 0.5)
        axes.set_ylim(len(rows) - 0.5, -0.5)
        axes.axis("off")
        for number, head in enumerate(heads):
            axes.text(number - 0.1, -0.6, head, rotation=40, rotation_mode="anchor", ha="left", va="bottom", color=INK)
        for row, name in enumerate(rows):
            axes.text(-0.62, row, label(name), ha="right", va="center", color=INK)
            for column in range(len(columns)):
                if (one := cell(row, column)) is None:
                    axes.text(column, row, "\u2013", ha="center", va="center", color=MUTED)
                    continue
                share, first, second = one
                shaded(axes, column, row, share)
                axes.text(column, row - 0.18, first, ha="center", va="center", color=INK)
                axes.text(column, row + 0.24, second, ha="center", va="center", color=INK, fontsize=9.5)
        return picture.svg(), picture.size
