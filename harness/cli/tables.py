"""Tables on standard output in which names and numbers are never cut, however narrow the terminal."""

import os
import sys
from collections.abc import Sequence
from typing import Literal, NamedTuple


class Column(NamedTuple):
    """A table's column.

    Attributes:
        heading: the column's name.
        is_right: whether cells stand at the right edge, as numbers do.
        folds: the least width to which cells may be folded, into several lines; 0 for a column that never folds and
            makes the table wider than the terminal instead.
    """

    heading: str
    is_right: bool = False
    folds: int = 0


def print_table(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], *, title: str = "", caption: str = ""
) -> None:
    """Prints a table; texts are shown as they are, without markup, and what is unprintable as Python writes it.

    Columns fold to fit the terminal, or ``$COLUMNS``; without either, as in a pipe or a log, none does.
    """
    from rich.cells import cell_len
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    shown = [[printable(cell) for cell in row] for row in rows]
    natural = [
        max(cell_len(text) for text in (column.heading, *(row[number] for row in shown)))
        for number, column in enumerate(columns)
    ]
    console = Console()
    is_fitted = sys.stdout.isatty() or "COLUMNS" in os.environ
    widths = fitted(columns, natural, console.width) if is_fitted else natural
    table = Table()
    for column, width in zip(columns, widths, strict=True):
        justify: Literal["left", "right"] = "right" if column.is_right else "left"
        table.add_column(column.heading, justify=justify, no_wrap=column.folds == 0, overflow="fold", width=width)
    for row in shown:
        table.add_row(*map(Text, row))
    if console.width < _full(widths):
        console = Console(width=_full(widths))
    for part in (Text(printable(title), style="italic"), table, Text(caption, style="dim")):
        if part:
            console.print(part, soft_wrap=part is not table)


def fitted(columns: Sequence[Column], natural: Sequence[int], available: int) -> list[int]:
    """Widths of columns: of those that fold the widest shrinks first, down to its least width; others stay natural."""
    widths = list(natural)
    while _full(widths) > available:
        foldable = [
            number
            for number, column in enumerate(columns)
            if column.folds and widths[number] > max(column.folds, len(column.heading))
        ]
        if not foldable:
            break
        widths[max(foldable, key=lambda number: widths[number])] -= 1
    return widths


def _full(widths: Sequence[int]) -> int:
    """A table's width with its lines and spaces."""
    return sum(widths) + 3 * len(widths) + 1


def printable(text: str) -> str:
    """A text that cannot steer a terminal: as it is, or as Python writes it."""
    return text if text.isprintable() else repr(text)
