"""What a chart is before it stands on a page, and the words that all of them use."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from apigauge.harness.metrics.table import MetricInfo
from apigauge.reports.cells import EMPTY, format_value
from apigauge.reports.tables import Page
from apigauge.reports.views import Interval, RunView, section

# Names in pictures are cut to so many characters; the table next to the picture has them whole.
_LONGEST_NAME = 30
PARTIAL = "*"
PARTIAL_NOTE = (
    f"{PARTIAL} The run asks only some of the questions, so its numbers are of other questions than the others'."
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A cell of the table behind a chart: its text, the exact number in it, and the run that it names."""

    text: str
    value: float | None = None
    page: Page | None = None


@dataclass(frozen=True, slots=True)
class Table:
    """A further table behind a chart."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """A picture with all that a reader needs who does not see it.

    Attributes:
        kind: what it shows, the same on each benchmark; part of its address on the page.
        title: above the picture.
        finding: the picture in words, with its numbers: the text alternative.
        svg: the picture.
        size: its width and height in pixels.
        columns: heads of the table.
        rows: of the table.
        key: what the numbers in the picture stand for, in order from 1; empty if it has none.
        notes: how it was made and is to be read.
        left_out: what is not in it, and why.
        further: a second table; None without one.
    """

    kind: str
    title: str
    finding: str
    svg: bytes
    size: tuple[int, int]
    columns: tuple[str, ...]
    rows: tuple[tuple[Entry, ...], ...]
    key: tuple[Page, ...] = ()
    notes: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    further: Table | None = None


@dataclass(frozen=True, slots=True)
class Missing:
    """A chart that there is no data for."""

    title: str
    why: str


def interval_of(run: RunView, metric: str) -> Interval | None:
    """A metric's mean in a run with its interval; None without one, or if it is withheld."""
    entry = section(section(run.summary, "metrics"), metric)
    numbers = [entry.get(name) for name in ("value", "low", "high", "n")]
    if metric in run.withheld or not all(isinstance(one, int | float) for one in numbers):
        return None
    value, low, high, n = (float(one) for one in numbers if one is not None)
    return Interval(value, low, high, int(n))


def names(pages: Sequence[Page]) -> list[str]:
    """The runs' names for a picture: short, each once, partial runs marked."""
    short = [_shortened(" ".join(page.title.split())) for page in pages]
    unique = [
        name if short.count(name) == 1 else f"{name} ({short[:at].count(name) + 1})" for at, name in enumerate(short)
    ]
    return [f"{name} {PARTIAL}" if page.run.missing_items else name for name, page in zip(unique, pages, strict=True)]


def partial_note(pages: Sequence[Page]) -> tuple[str, ...]:
    """What the mark at partial runs means, if there is one."""
    return (PARTIAL_NOTE,) if any(page.run.missing_items for page in pages) else ()


def name_entry(page: Page) -> Entry:
    """The first cell of a run's row."""
    return Entry(page.title, page=page)


def value_heads(columns: Sequence[MetricInfo]) -> list[str]:
    """The heads of four columns for each metric."""
    return [f"{column.name}{part}" for column in columns for part in (f", {column.unit}", ", from", ", to", ", n")]


def value_entries(run: RunView, columns: Sequence[MetricInfo]) -> list[Entry]:
    """For each metric of a run: mean, both ends of its interval and number of answers, or dashes."""
    return [entry for column in columns for entry in _value_entries(interval_of(run, column.name), column)]


def _value_entries(one: Interval | None, column: MetricInfo) -> tuple[Entry, ...]:
    if one is None:
        return (Entry(EMPTY),) * 4
    numbers = ((one.value, 0), (one.low, 1), (one.high, 1))
    return (*(Entry(format_value(value, column, more), value) for value, more in numbers), Entry(f"{one.n:,}", one.n))


def value_words(one: Interval, column: MetricInfo) -> str:
    """A mean with its interval, in words."""
    unit = " %" if column.is_share else ""
    ends = f"{format_value(one.low, column, 1)} to {format_value(one.high, column, 1)}"
    return f"{format_value(one.value, column)}{unit} ({ends})"


def percent(share: float) -> str:
    """A share as printed."""
    return f"{share * 100:.1f}"


def share_entry(count: int, total: int) -> Entry:
    """A share of a count as a cell; a dash of nothing."""
    return Entry(percent(count / total), count / total) if total else Entry(EMPTY)


def mean(values: Sequence[float]) -> float:
    """The mean of one value or more."""
    return statistics.fmean(values)


def listed(pages: Sequence[Page]) -> str:
    """The names of runs in a sentence, few of them written out."""
    titles = [page.title for page in pages]
    return ", ".join(titles) if len(titles) <= 5 else f"{', '.join(titles[:4])} and {len(titles) - 4} more runs"


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:17]}\u2026{name[-12:]}"
